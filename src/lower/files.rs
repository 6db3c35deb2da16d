//! The outside world as far as loading needs it: files, directories and host names, behind a trait so that a supervisor's
//! bundle or a test's memory can stand for the disk. Users and groups are read from `/etc/passwd` and `/etc/group`.

use std::cell::RefCell;
use std::collections::{BTreeMap, HashMap};
use std::io;
use std::net::{IpAddr, ToSocketAddrs};
use std::sync::Arc;

use crate::keyword::Hosts;

/// What loading reads. Paths are as written, made absolute or relative by `default-path` only.
pub trait Files {
    /// The whole file.
    fn read(&self, path: &str) -> io::Result<Vec<u8>>;
    /// The names (not paths) in a directory in lexical order; an error of kind `NotADirectory` for anything else.
    fn list_dir(&self, path: &str) -> io::Result<Vec<String>>;
    /// The addresses of a host name as the system's resolver orders them.
    fn resolve(&self, host: &str) -> io::Result<Vec<IpAddr>>;
    /// The machine's name.
    fn hostname(&self) -> String;
}

/// The disk and the system's resolver.
#[derive(Clone, Copy, Debug, Default)]
pub struct Disk;

impl Files for Disk {
    fn read(&self, path: &str) -> io::Result<Vec<u8>> {
        std::fs::read(path)
    }

    fn list_dir(&self, path: &str) -> io::Result<Vec<String>> {
        let mut names = Vec::new();
        for entry in std::fs::read_dir(path)? {
            names.push(entry?.file_name().to_string_lossy().into_owned());
        }
        names.sort();
        Ok(names)
    }

    fn resolve(&self, host: &str) -> io::Result<Vec<IpAddr>> {
        let mut found: Vec<IpAddr> = Vec::new();
        for addr in (host, 0).to_socket_addrs()? {
            if !found.contains(&addr.ip()) {
                found.push(addr.ip());
            }
        }
        Ok(found)
    }

    fn hostname(&self) -> String {
        let name = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
        name.trim_end().to_owned()
    }
}

/// Files and hosts in memory.
#[derive(Clone, Debug, Default)]
pub struct Memory {
    /// Contents by path.
    pub files: BTreeMap<String, Vec<u8>>,
    /// Addresses by host name.
    pub hosts: BTreeMap<String, Vec<IpAddr>>,
}

impl Memory {
    /// Adds a file.
    #[must_use]
    pub fn with(mut self, path: &str, text: impl Into<Vec<u8>>) -> Memory {
        self.files.insert(path.to_owned(), text.into());
        self
    }
}

impl Files for Memory {
    fn read(&self, path: &str) -> io::Result<Vec<u8>> {
        self.files.get(path).cloned().ok_or_else(|| io::Error::from(io::ErrorKind::NotFound))
    }

    fn list_dir(&self, path: &str) -> io::Result<Vec<String>> {
        let prefix = format!("{}/", path.trim_end_matches('/'));
        let direct = |name: &String| name.strip_prefix(&prefix).filter(|rest| !rest.contains('/')).map(str::to_owned);
        let names: Vec<String> = self.files.keys().filter_map(direct).collect();
        match (names.is_empty(), self.files.contains_key(path)) {
            (false, _) => Ok(names),
            (true, true) => Err(io::ErrorKind::NotADirectory.into()),
            (true, false) => Err(io::ErrorKind::NotFound.into()),
        }
    }

    fn resolve(&self, host: &str) -> io::Result<Vec<IpAddr>> {
        self.hosts.get(host).cloned().ok_or_else(|| io::Error::other("unknown host"))
    }

    fn hostname(&self) -> String {
        "localhost".to_owned()
    }
}

/// A file's bytes, or the system's words for what went wrong.
type ReadResult = Result<Arc<[u8]>, String>;

/// Reads each file once, however many directives name it.
pub(super) struct Reader<'a> {
    files: &'a dyn Files,
    /// Where relative paths start (`default-path`); empty is the current directory.
    base: RefCell<String>,
    read: RefCell<HashMap<String, ReadResult>>,
    hosts: RefCell<HashMap<String, Option<IpAddr>>>,
}

impl Hosts for Reader<'_> {
    fn address(&self, name: &str) -> Option<IpAddr> {
        let all = self.files.resolve(name).ok()?;
        all.iter().find(|ip| ip.is_ipv4()).or(all.first()).copied()
    }
}

impl<'a> Reader<'a> {
    pub(super) fn new(files: &'a dyn Files) -> Self {
        Reader { files, base: RefCell::default(), read: RefCell::default(), hosts: RefCell::default() }
    }

    /// Sets where relative paths start.
    pub(super) fn set_base(&self, base: &str) {
        *self.base.borrow_mut() = base.trim_end_matches('/').to_owned();
        self.read.borrow_mut().clear();
    }

    fn place(&self, path: &str) -> String {
        let base = self.base.borrow();
        if base.is_empty() || path.starts_with('/') { path.to_owned() } else { format!("{base}/{path}") }
    }

    /// The file's bytes, or the system's words for what went wrong.
    pub(super) fn read(&self, path: &str) -> ReadResult {
        if let Some(found) = self.read.borrow().get(path) {
            return found.clone();
        }
        let found = self.files.read(&self.place(path)).map(Arc::from).map_err(|error| system_message(&error));
        self.read.borrow_mut().insert(path.to_owned(), found.clone());
        found
    }

    /// The paths in a directory; `None` where `path` is not a directory.
    pub(super) fn list_dir(&self, path: &str) -> Option<Vec<String>> {
        let names = self.files.list_dir(&self.place(path)).ok()?;
        Some(names.into_iter().map(|name| format!("{}/{name}", path.trim_end_matches('/'))).collect())
    }

    /// The first address of a host name; each name is asked for once.
    pub(super) fn resolve(&self, host: &str) -> Option<IpAddr> {
        if let Some(found) = self.hosts.borrow().get(host) {
            return *found;
        }
        let found = self.files.resolve(host).ok().and_then(|all| all.first().copied());
        self.hosts.borrow_mut().insert(host.to_owned(), found);
        found
    }

    /// The numeric id of a user, from `/etc/passwd`.
    pub(super) fn user(&self, name: &str) -> Option<u32> {
        self.account("/etc/passwd", name)
    }

    /// The numeric id of a group, from `/etc/group`.
    pub(super) fn group(&self, name: &str) -> Option<u32> {
        self.account("/etc/group", name)
    }

    /// Both files are lines of `name:password:id:...`.
    fn account(&self, path: &str, name: &str) -> Option<u32> {
        let text = self.read(path).ok()?;
        let text = String::from_utf8_lossy(&text);
        let line = text.lines().find(|line| line.split(':').next() == Some(name))?;
        line.split(':').nth(2)?.parse().ok()
    }
}

/// The system's message without Rust's `(os error N)`.
pub fn system_message(error: &io::Error) -> String {
    let text = error.to_string();
    match text.find(" (os error") {
        Some(at) => text[..at].to_owned(),
        None => text,
    }
}
