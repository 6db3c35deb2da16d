//! The release whose defaults and refusals a configuration expects (`--compat`); the language level stays 3.4.

use std::str::FromStr;

/// A release that changed defaults or began to refuse something.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Compat {
    /// 2.4
    V2_4,
    /// 2.6
    V2_6,
    /// 2.8
    V2_8,
    /// 3.0
    V3_0,
    /// 3.2
    V3_2,
    /// 3.4
    #[default]
    V3_4,
}

impl Compat {
    /// 3.3 refuses proxies of one name, makes `random` the default of `balance`, aborts on close in HTTP, and sends the
    /// server name of the `Host` field to TLS servers.
    pub fn before_3_3(self) -> bool {
        self < Compat::V3_4
    }

    /// As written behind `--compat`.
    pub fn name(self) -> &'static str {
        match self {
            Compat::V2_4 => "2.4",
            Compat::V2_6 => "2.6",
            Compat::V2_8 => "2.8",
            Compat::V3_0 => "3.0",
            Compat::V3_2 => "3.2",
            Compat::V3_4 => "3.4",
        }
    }
}

impl FromStr for Compat {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let found = ALL.into_iter().find(|compat| compat.name() == text);
        found.ok_or_else(|| format!("unknown release '{text}', expected 2.4, 2.6, 2.8, 3.0, 3.2 or 3.4"))
    }
}

const ALL: [Compat; 6] = [Compat::V2_4, Compat::V2_6, Compat::V2_8, Compat::V3_0, Compat::V3_2, Compat::V3_4];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diag::Severity;
    use crate::ir::{Balance, Ir};
    use crate::lower::tests::{findings, load_with};

    /// What docs/compat.md says, by release.
    fn loaded(compat: Compat, text: &str) -> Ir {
        let loaded = load_with(text, compat);
        let findings = findings(&loaded);
        loaded.ir.unwrap_or_else(|| panic!("{}: {findings}", compat.name()))
    }

    #[test]
    fn older_releases_have_their_defaults() {
        let text = "frontend f\nmode http\nbind :1\ntimeout client 1s\nstats enable\n\
                    backend b\nmode http\ntimeout connect 1s\ntimeout server 1s\nserver s 127.0.0.1:1 ssl verify none\n\
                    backend t\ntimeout connect 1s\ntimeout server 1s\nserver s 127.0.0.1:1\n";
        for compat in ALL {
            let old = compat < Compat::V3_4;
            let ir = loaded(compat, text);
            let [web, http, tcp] = ir.proxies.as_slice() else { panic!("three proxies") };
            assert_eq!(matches!(http.balance, Balance::RoundRobin), old, "{}", compat.name());
            assert_eq!(matches!(tcp.balance, Balance::RoundRobin), old, "{}", compat.name());
            assert_eq!((http.abort_on_close, tcp.abort_on_close), (!old, false), "{}", compat.name());
            let sni = http.servers.first().and_then(|server| server.tls.as_ref()).map(|tls| tls.sni.is_some());
            assert_eq!(sni, Some(!old), "{}", compat.name());
            assert_eq!(web.stats.as_ref().map(|stats| stats.hide_version), Some(!old), "{}", compat.name());
        }
    }

    #[test]
    fn what_is_written_counts_more() {
        let text = "backend b\nmode http\nbalance leastconn\noption abortonclose\nstats show-version\n";
        for compat in ALL {
            let ir = loaded(compat, text);
            let [proxy] = ir.proxies.as_slice() else { panic!("one proxy") };
            assert!(matches!(proxy.balance, Balance::LeastConn) && proxy.abort_on_close, "{}", compat.name());
            assert_eq!(proxy.stats.as_ref().map(|stats| stats.hide_version), Some(false), "{}", compat.name());
        }
    }

    #[test]
    fn one_name_for_both_sides_is_warned_of_by_the_release_that_refuses_it() {
        let text = "frontend a\nmode http\nbind :1\ntimeout client 1s\nuse_backend a\nbackend a\nmode http\n";
        for compat in ALL {
            let loaded = load_with(text, compat);
            let warnings = loaded.diags.iter().filter(|found| found.severity == Severity::Warning).count();
            assert_eq!(warnings, usize::from(compat == Compat::V3_4), "{}: {}", compat.name(), findings(&loaded));
            assert!(loaded.ir.is_some());
        }
    }

    #[test]
    fn releases_are_read_by_name() {
        assert_eq!("2.8".parse(), Ok(Compat::V2_8));
        assert!("2.7".parse::<Compat>().is_err_and(|text| text.contains("expected 2.4")));
    }
}
