//! The disk behind a generated configuration.

use std::collections::BTreeMap;
use std::io;
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};

use crate::lower::{Disk, Files};

/// The disk, whose files stay known as they were last read: once the process has given up its rights it may not read them any more.
#[derive(Default)]
pub struct Kept {
    files: Mutex<BTreeMap<String, Vec<u8>>>,
    directories: Mutex<BTreeMap<String, Vec<String>>>,
    hosts: Mutex<BTreeMap<String, Vec<IpAddr>>>,
}

impl Files for Kept {
    fn read(&self, path: &str) -> io::Result<Vec<u8>> {
        remember(&self.files, path, Disk.read(path), |error| error.kind() == io::ErrorKind::PermissionDenied)
    }

    fn list_dir(&self, path: &str) -> io::Result<Vec<String>> {
        remember(&self.directories, path, Disk.list_dir(path), |error| error.kind() == io::ErrorKind::PermissionDenied)
    }

    /// A name that has been known keeps its address while the resolver is away.
    fn resolve(&self, host: &str) -> io::Result<Vec<IpAddr>> {
        remember(&self.hosts, host, Disk.resolve(host), |_| true)
    }

    fn hostname(&self) -> String {
        Disk.hostname()
    }
}

fn remember<T: Clone>(
    known: &Mutex<BTreeMap<String, T>>,
    name: &str,
    result: io::Result<T>,
    forgivable: impl Fn(&io::Error) -> bool,
) -> io::Result<T> {
    let mut known = known.lock().unwrap_or_else(PoisonError::into_inner);
    match result {
        Ok(found) => {
            known.insert(name.to_owned(), found.clone());
            Ok(found)
        }
        Err(error) if forgivable(&error) => known.get(name).cloned().ok_or(error),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_may_no_longer_be_read_is_the_one_that_was_read() {
        let known = Mutex::default();
        let denied = || Err(io::Error::from(io::ErrorKind::PermissionDenied));
        let forgivable = |error: &io::Error| error.kind() == io::ErrorKind::PermissionDenied;
        assert!(remember::<u8>(&known, "a", denied(), forgivable).is_err());
        assert_eq!(remember(&known, "a", Ok(1), forgivable).ok(), Some(1));
        assert_eq!(remember(&known, "a", denied(), forgivable).ok(), Some(1));
        assert!(remember(&known, "a", Err(io::ErrorKind::NotFound.into()), forgivable).is_err());
    }
}
