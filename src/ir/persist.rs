//! Persistence: how a backend brings the clients of a server back to it (manual 4.2 `cookie`, `force-persist`, `ignore-persist`).

use std::fmt;
use std::sync::Arc;

use crate::expr::{Cond, Expr};

/// What a backend says of persistence.
#[derive(Default)]
pub struct Persistence {
    /// `cookie`
    pub cookie: Option<Cookie>,
    /// `dynamic-cookie-key`
    pub dynamic_key: Option<Box<str>>,
    /// `option persist`: the server that a cookie or a stick table names gets the request although it is down.
    pub on_down: bool,
    /// `persist rdp-cookie`: its name, and what finds its value.
    pub rdp_cookie: Option<(Box<str>, Arc<Expr>)>,
    /// `force-persist` and `ignore-persist`, in order; the first that holds counts.
    pub rules: Vec<PersistRule>,
}

/// One `force-persist` or `ignore-persist` line.
pub struct PersistRule {
    /// Whether persistence is forced, else ignored.
    pub force: bool,
    /// The condition.
    pub cond: Cond,
}

/// A persistence cookie.
#[derive(Debug)]
pub struct Cookie {
    /// Its name; case matters.
    pub name: Box<str>,
    /// Who makes it.
    pub mode: CookieMode,
    /// The options.
    pub options: CookieOptions,
    /// `maxidle` in seconds.
    pub max_idle: Option<u32>,
    /// `maxlife` in seconds.
    pub max_life: Option<u32>,
    /// What follows `path=/` in an inserted cookie: `domain`, `httponly`, `secure`, `attr`, each with its separator.
    pub attributes: Box<str>,
}

/// Who makes a persistence cookie.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CookieMode {
    /// The server, whose value is the one we know.
    Passive,
    /// The server; we put our value in place of its own (`rewrite`).
    Rewrite,
    /// We (`insert`).
    Insert,
    /// The server; we put our value in front of its own (`prefix`).
    Prefix,
}

bitflags::bitflags! {
    /// Options of `cookie`.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub struct CookieOptions: u8 {
        /// `indirect`
        const INDIRECT = 1;
        /// `nocache`
        const NOCACHE = 2;
        /// `postonly`
        const POSTONLY = 4;
        /// `preserve`
        const PRESERVE = 8;
        /// `httponly`; the text is in the attributes.
        const HTTPONLY = 16;
        /// `secure`; the text is in the attributes.
        const SECURE = 32;
        /// `dynamic`
        const DYNAMIC = 64;
    }
}

impl CookieOptions {
    /// As written.
    pub const NAMES: [(&'static str, CookieOptions); 7] = [
        ("indirect", CookieOptions::INDIRECT),
        ("nocache", CookieOptions::NOCACHE),
        ("postonly", CookieOptions::POSTONLY),
        ("preserve", CookieOptions::PRESERVE),
        ("httponly", CookieOptions::HTTPONLY),
        ("secure", CookieOptions::SECURE),
        ("dynamic", CookieOptions::DYNAMIC),
    ];
}

impl CookieMode {
    /// As written; nothing for the one that has no word.
    pub fn name(self) -> &'static str {
        match self {
            CookieMode::Passive => "",
            CookieMode::Rewrite => "rewrite",
            CookieMode::Insert => "insert",
            CookieMode::Prefix => "prefix",
        }
    }
}

impl Cookie {
    /// Whether responses are looked at and logs tell of the cookie: HAProxy does neither without a mode or `indirect`.
    pub fn is_watched(&self) -> bool {
        self.mode != CookieMode::Passive || self.options.contains(CookieOptions::INDIRECT)
    }
}

impl Persistence {
    /// What a dump shows.
    pub fn lines(&self) -> Vec<String> {
        let cookie = self.cookie.iter().map(|cookie| format!("cookie {cookie}"));
        let key = self.dynamic_key.iter().map(|_| "dynamic-cookie-key".to_owned());
        let on_down = self.on_down.then(|| "persist".to_owned());
        let rdp = self.rdp_cookie.iter().map(|(name, _)| format!("persist rdp-cookie({name})"));
        let rules = self.rules.iter().map(|rule| {
            let name = if rule.force { "force-persist" } else { "ignore-persist" };
            format!("{name} {}", rule.cond.text())
        });
        cookie.chain(key).chain(on_down).chain(rdp).chain(rules).collect()
    }
}

impl fmt::Display for Cookie {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)?;
        if self.mode != CookieMode::Passive {
            write!(f, " {}", self.mode.name())?;
        }
        for (name, _) in CookieOptions::NAMES.iter().filter(|(_, option)| self.options.contains(*option)) {
            write!(f, " {name}")?;
        }
        for (name, time) in [("maxidle", self.max_idle), ("maxlife", self.max_life)] {
            if let Some(seconds) = time {
                write!(f, " {name} {seconds}")?;
            }
        }
        f.write_str(self.attributes.strip_prefix(';').map_or("", |_| " "))?;
        f.write_str(&self.attributes)
    }
}
