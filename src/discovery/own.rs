//! Which container this process runs in.

use super::service::Environment;

/// What may name the container, the best first: `HOSTNAME`, as the original has it, then the id by which the engine mounts files
/// into it, then its control group. `hostname:` in a compose file makes the first one useless.
pub fn candidates(env: &Environment, read: impl Fn(&str) -> Option<String>) -> Vec<String> {
    let mut found: Vec<String> = Vec::new();
    let named = env.get("HOSTNAME").filter(|name| !name.is_empty()).cloned();
    // On the engine's host other mounts name containers, too.
    let files = |text: String| text.lines().filter(|line| line.contains(" /etc/host")).collect::<Vec<_>>().join("\n");
    let mounted = read("/proc/self/mountinfo").and_then(|text| id_in(&files(text), "/containers/"));
    let grouped = read("/proc/self/cgroup").and_then(|text| id_in(&text, ""));
    for name in [named, mounted, grouped].into_iter().flatten() {
        if !found.contains(&name) {
            found.push(name);
        }
    }
    found
}

/// The first 64 hexadecimal digits in a line, behind `marker` and up to a sign that is none.
fn id_in(text: &str, marker: &str) -> Option<String> {
    text.lines().find_map(|line| {
        let start = line.find(marker)? + marker.len();
        let words = line.get(start..)?.split(|sign: char| !sign.is_ascii_hexdigit());
        let first = if marker.is_empty() { None } else { Some(1) };
        words.take(first.unwrap_or(usize::MAX)).find(|word| word.len() == 64).map(str::to_owned)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_container_is_named_by_the_environment_its_mounts_or_its_control_group() {
        let id = "29febe78ff4d1edbeb9731ea21c779e9014bb87ede1586a442b3338b03bae031";
        let other = "0".repeat(64);
        let mounts = format!(
            "1 0 8:1 /docker/containers/{other}/mounts/shm /x rw - ext4\n617 599 8:1 /var/lib/docker/containers/{id}/hostname /etc/hostname rw,relatime - ext4"
        );
        let group = format!("0::/system.slice/docker-{id}.scope");
        let read = |path: &str| Some(if path.ends_with("mountinfo") { mounts.clone() } else { group.clone() });
        let env = Environment::from([("HOSTNAME".to_owned(), "29febe78ff4d".to_owned())]);
        assert_eq!(candidates(&env, read), ["29febe78ff4d", id]);
        assert_eq!(candidates(&Environment::new(), |path| (path.ends_with("cgroup")).then(|| group.clone())), [id]);
        assert_eq!(candidates(&Environment::new(), |_| Some("0::/".to_owned())), [] as [&str; 0]);
    }
}
