//! What `-v`, `-vv`, `-vq*` and `-h` print. The first line has HAProxy's shape, because scripts read the release from it.

use std::fmt::Write;

use super::options::Version;

/// The release of HAProxy whose language is spoken.
pub const LEVEL: &str = "3.4.0";
/// Its branch.
pub const BRANCH: &str = "3.4";

/// What `feature()` in conditions and `-vv` know; only what works.
pub const FEATURES: &[&str] =
    &["ACCEPT4", "CRYPT_H", "EPOLL", "GETADDRINFO", "LINUX_TPROXY", "OPENSSL", "OPENSSL_AWSLC", "SSL", "TFO", "THREAD"];

/// The release with the project's own version.
pub fn full() -> String {
    format!("{LEVEL}-hydroxy-{}", env!("CARGO_PKG_VERSION"))
}

/// The text for a form of `-v`.
pub fn text(form: Version) -> String {
    match form {
        Version::Number => format!("{LEVEL}\n"),
        Version::ShortNumber => format!("{LEVEL}\n"),
        Version::Branch => format!("{BRANCH}\n"),
        Version::Short => short(),
        Version::Long => long(),
    }
}

/// The usage that `-h` and a wrong option show.
pub fn usage(program: &str) -> String {
    format!(
        "\
Usage : {program} [-f <cfgfile|cfgdir>]* [ -vdVD ] [ -n <maxconn> ] [ -N <maxpconn> ]
        [ -p <pidfile> ] [ -C <dir> ] [-- <cfgfile>*]
        {program} demo [--help]
        {program} docker [--dry-run]
        -v displays version ; -vv shows known build options.
        -vq/-vqs/-vqb only displays version, short version, branch.
        -d enters debug mode ; -db only disables background mode.
        -V enters verbose mode (disables quiet mode)
        -D goes daemon ; -C changes to <dir> before loading files.
        -q quiet mode : don't display messages
        -c check mode : only check config files and exit
        -cc check condition : evaluate a condition and exit
        -n sets the maximum total # of connections
        -N sets the default, per-proxy maximum # of connections
        -L set local peer name (default to hostname)
        -p writes pids of all children to this file
        -dM[<byte>,help,...] HAProxy's debugging of memory, without effect
        -dL lists loaded object files after config checks
        -dK{{class[,...]}} dump registered keywords (use 'help' for list)
        -dr ignores server address resolution failures
        -dV disables SSL verify on servers side
        -dW fails if any warning is emitted
        -dD diagnostic mode : warn about suspicious configuration statements
        --compat <2.4|2.6|2.8|3.0|3.2> gives back that release's defaults
"
    )
}

fn short() -> String {
    let first = format!("HAProxy version {} {RELEASED} - a drop-in written in Rust", full());
    format!("{first}\nStatus: development.\nRunning on: {}\n", kernel())
}

fn long() -> String {
    let mut out = short();
    let features: Vec<String> = FEATURES.iter().map(|name| format!("+{name}")).collect();
    // Writing to a String cannot fail.
    let _ = writeln!(out, "\nFeature list : {}", features.join(" "));
    out.push_str("\nDefault settings :\n  bufsize = 16384, maxrewrite = 1024\n\n");
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let _ = writeln!(out, "Built with multi-threading support (default={cores}).");
    out.push_str("Built with SSL library version : rustls with aws-lc-rs\n");
    out.push_str("SSL library supports SNI : yes\nSSL library supports : TLSv1.2 TLSv1.3\n");
    out.push_str("Encrypted password support via crypt(3): yes\n\n");
    out.push_str("Available polling systems :\n      epoll : pref=300,  test result OK\nTotal: 1 (1 usable), will use epoll.\n\n");
    out.push_str("Available multiplexer protocols :\n");
    out.push_str("(protocols marked as <default> cannot be specified using 'proto' keyword)\n");
    out.push_str("  <default> : mode=HTTP  side=FE|BE  mux=H1    flags=HTX\n");
    out.push_str("  <default> : mode=TCP   side=FE|BE  mux=PASS  flags=\n\n");
    out.push_str("Available services : none\nAvailable filters : none\n");
    out
}

fn kernel() -> String {
    let read = |name: &str| std::fs::read_to_string(format!("/proc/sys/kernel/{name}")).unwrap_or_default();
    let words = [read("ostype"), read("osrelease"), read("version"), std::env::consts::ARCH.to_owned()];
    words.map(|word| word.trim().to_owned()).join(" ")
}

const RELEASED: &str = "2026/11/22";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scripts_find_the_release_in_the_first_line() {
        let first = text(Version::Short);
        assert!(first.starts_with("HAProxy version 3.4.0"), "{first}");
        assert_eq!(text(Version::Branch), "3.4\n");
    }
}
