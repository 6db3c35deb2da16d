//! The environment a configuration sees: a value, never the process's own, so that `setenv` and tests need no global state.

use crate::base::log_formats;
use std::collections::BTreeMap;
use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt;

/// Environment variables by name. Names and values are bytes, as in POSIX.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Env {
    vars: BTreeMap<Vec<u8>, Vec<u8>>,
}

/// What the program tells about itself in pre-set variables (manual 2.3).
#[derive(Debug, Clone, Copy)]
pub struct Identity<'a> {
    /// The language level, such as `3.4.0`.
    pub version: &'a str,
    /// Its branch, such as `3.4`.
    pub branch: &'a str,
    /// The name of the local peer: `-L`, else the host name.
    pub local_peer: &'a str,
    /// The master process of master-worker mode or a worker of it.
    pub master_worker: bool,
}

/// A name that is empty or contains `=` cannot be set or unset.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct InvalidName;

impl Env {
    pub fn new() -> Env {
        Env::default()
    }

    /// Adds the variables the program itself defines.
    #[must_use]
    pub fn with_presets(mut self, identity: &Identity<'_>) -> Env {
        let mut put = |name: &str, value: &str| {
            self.vars.insert(name.into(), value.into());
        };
        put("HAPROXY_STARTUP_VERSION", identity.version);
        put("HAPROXY_BRANCH", identity.branch);
        put("HAPROXY_LOCALPEER", identity.local_peer);
        if identity.master_worker {
            put("HAPROXY_MWORKER", "1");
        }
        for (name, format) in log_formats::PRESETS {
            put(name, format);
        }
        self
    }

    pub fn value(&self, name: &[u8]) -> Option<&[u8]> {
        self.vars.get(name).map(Vec::as_slice)
    }

    /// `setenv`: overwrites.
    pub fn set(&mut self, name: &[u8], value: &[u8]) -> Result<(), InvalidName> {
        valid(name)?;
        self.vars.insert(name.to_vec(), value.to_vec());
        Ok(())
    }

    /// `presetenv`: keeps a value that exists.
    pub fn preset(&mut self, name: &[u8], value: &[u8]) -> Result<(), InvalidName> {
        valid(name)?;
        self.vars.entry(name.to_vec()).or_insert_with(|| value.to_vec());
        Ok(())
    }

    /// `unsetenv`.
    pub fn unset(&mut self, name: &[u8]) -> Result<(), InvalidName> {
        valid(name)?;
        self.vars.remove(name);
        Ok(())
    }

    /// `resetenv`: forgets everything but the variables named.
    pub fn keep_only(&mut self, names: &[&[u8]]) {
        self.vars.retain(|name, _| names.contains(&name.as_slice()));
    }

    /// All variables in order of their names.
    pub fn iter(&self) -> impl Iterator<Item = (&[u8], &[u8])> {
        self.vars.iter().map(|(name, value)| (name.as_slice(), value.as_slice()))
    }
}

/// Takes over what `std::env::vars_os` yields.
impl FromIterator<(OsString, OsString)> for Env {
    fn from_iter<I: IntoIterator<Item = (OsString, OsString)>>(vars: I) -> Env {
        Env { vars: vars.into_iter().map(|(name, value)| (name.into_vec(), value.into_vec())).collect() }
    }
}

impl<'a> FromIterator<(&'a str, &'a str)> for Env {
    fn from_iter<I: IntoIterator<Item = (&'a str, &'a str)>>(vars: I) -> Env {
        Env { vars: vars.into_iter().map(|(name, value)| (name.into(), value.into())).collect() }
    }
}

fn valid(name: &[u8]) -> Result<(), InvalidName> {
    if name.is_empty() || name.contains(&b'=') { Err(InvalidName) } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn variables_are_set_preset_unset_and_kept() {
        let mut env = Env::from_iter([("A", "1"), ("B", "2")]);
        env.set(b"A", b"3").unwrap();
        env.preset(b"B", b"9").unwrap();
        env.preset(b"C", b"4").unwrap();
        assert_eq!(env.value(b"A"), Some(&b"3"[..]));
        assert_eq!(env.value(b"B"), Some(&b"2"[..]));
        env.unset(b"B").unwrap();
        assert_eq!(env.value(b"B"), None);
        env.keep_only(&[b"C", b"Z"]);
        assert_eq!(env.iter().collect::<Vec<_>>(), [(&b"C"[..], &b"4"[..])]);
        assert_eq!(env.set(b"A=B", b""), Err(InvalidName));
        assert_eq!(env.unset(b""), Err(InvalidName));
    }

    #[test]
    fn the_program_describes_itself() {
        let identity = Identity { version: "3.4.0", branch: "3.4", local_peer: "here", master_worker: false };
        let env = Env::new().with_presets(&identity);
        assert_eq!(env.value(b"HAPROXY_BRANCH"), Some(&b"3.4"[..]));
        assert_eq!(env.value(b"HAPROXY_MWORKER"), None);
        assert!(env.value(b"HAPROXY_TCP_LOG_FMT").is_some_and(|format| format.starts_with(b"%ci:%cp [%t] %ft")));
    }
}
