//! The original's text with the documented differences, and the lines in which two texts differ.

use std::collections::BTreeMap;

/// Applies what docs/docker.md lists: no `daemon`, rules for headers in today's words, servers sorted by number, no name twice in
/// a section, and a newline at the end.
pub fn modernised(original: &str) -> String {
    let mut out: Vec<String> = Vec::new();
    let mut servers: Vec<String> = Vec::new();
    for line in original.lines().filter(|line| *line != "  daemon") {
        if line.starts_with("  server ") && line.split(' ').count() > 4 {
            servers.push(line.to_owned());
            continue;
        }
        out.append(&mut sorted(std::mem::take(&mut servers)));
        out.push(
            line.replace("reqadd X-Forwarded-Proto:\\ ", "http-request add-header X-Forwarded-Proto ")
                .replace("rspadd Strict-Transport-Security:\\ ", "http-response add-header Strict-Transport-Security "),
        );
    }
    out.append(&mut sorted(servers));
    out.join("\n") + "\n"
}

/// By name and port, the numbers in them as numbers.
fn sorted(mut servers: Vec<String>) -> Vec<String> {
    let numbers = |line: &String| -> (Vec<String>, Vec<u64>, u64) {
        let words: Vec<&str> = line.split(' ').collect();
        let port = words[4].rsplit(':').next().and_then(|port| port.parse().ok()).unwrap();
        let (numbers, texts): (Vec<&str>, Vec<&str>) =
            words[3].split('_').partition(|part| part.parse::<u64>().is_ok());
        (
            texts.into_iter().map(str::to_owned).collect(),
            numbers.into_iter().map(|n| n.parse().unwrap()).collect(),
            port,
        )
    };
    servers.sort_by_key(numbers);
    let mut seen: BTreeMap<String, u32> = BTreeMap::new();
    let unique = |line: String| {
        let words: Vec<&str> = line.split(' ').collect();
        let (name, port) = (words[3], words[4].rsplit(':').next().unwrap());
        let count = seen.entry(name.to_owned()).or_default();
        *count += 1;
        let again = |line: String| {
            let line = line.replacen(&format!("server {name} "), &format!("server {name}_{port} "), 1);
            let line = format!("{line} ").replacen(&format!(" cookie {name} "), &format!(" cookie {name}_{port} "), 1);
            line.trim_end().to_owned()
        };
        if *count == 1 { line.clone() } else { again(line.clone()) }
    };
    servers.into_iter().map(unique).collect()
}

/// Lines that only one of the texts has, in order, with `-` for the first and `+` for the second.
pub fn lines(one: &str, other: &str) -> String {
    let (a, b): (Vec<&str>, Vec<&str>) = (one.split('\n').collect(), other.split('\n').collect());
    // The longest common subsequence from each place on.
    let mut common = vec![vec![0u32; b.len() + 1]; a.len() + 1];
    for i in (0..a.len()).rev() {
        for j in (0..b.len()).rev() {
            common[i][j] = if a[i] == b[j] { common[i + 1][j + 1] + 1 } else { common[i + 1][j].max(common[i][j + 1]) };
        }
    }
    let (mut i, mut j, mut out) = (0, 0, String::new());
    while i < a.len() || j < b.len() {
        if i < a.len() && j < b.len() && a[i] == b[j] {
            (i, j) = (i + 1, j + 1);
        } else if j == b.len() || (i < a.len() && common[i + 1][j] >= common[i][j + 1]) {
            out.push_str(&format!("-{}\n", a[i]));
            i += 1;
        } else {
            out.push_str(&format!("+{}\n", b[j]));
            j += 1;
        }
    }
    out
}
