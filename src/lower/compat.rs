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
