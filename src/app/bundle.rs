//! All that loading a configuration reads, taken down by the supervisor and read again by the worker, which may live in a chroot
//! without rights: the same text, the same files, the same answers of the resolver, so the same configuration.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::io;
use std::net::IpAddr;

use crate::lower::Files;

/// What reading something gave: its value, or the system's number of the error and its text.
type Answer<T> = Result<T, (i32, String)>;

/// What was asked for, with the answers.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Bundle {
    files: BTreeMap<String, Answer<Vec<u8>>>,
    directories: BTreeMap<String, Answer<Vec<String>>>,
    hosts: BTreeMap<String, Answer<Vec<IpAddr>>>,
    hostname: String,
}

/// Reads through `files` and takes down the answers.
pub struct Recorder<'a> {
    files: &'a dyn Files,
    bundle: RefCell<Bundle>,
}

impl<'a> Recorder<'a> {
    /// An empty one.
    pub fn new(files: &'a dyn Files) -> Recorder<'a> {
        let bundle = Bundle { hostname: files.hostname(), ..Bundle::default() };
        Recorder { files, bundle: RefCell::new(bundle) }
    }

    /// What was taken down.
    pub fn into_bundle(self) -> Bundle {
        self.bundle.into_inner()
    }
}

impl Files for Recorder<'_> {
    fn read(&self, path: &str) -> io::Result<Vec<u8>> {
        let answer = take_down(self.files.read(path));
        self.bundle.borrow_mut().files.insert(path.to_owned(), answer.clone());
        play(&answer)
    }

    fn list_dir(&self, path: &str) -> io::Result<Vec<String>> {
        let answer = take_down(self.files.list_dir(path));
        self.bundle.borrow_mut().directories.insert(path.to_owned(), answer.clone());
        play(&answer)
    }

    fn resolve(&self, host: &str) -> io::Result<Vec<IpAddr>> {
        let answer = take_down(self.files.resolve(host));
        self.bundle.borrow_mut().hosts.insert(host.to_owned(), answer.clone());
        play(&answer)
    }

    fn hostname(&self) -> String {
        self.bundle.borrow().hostname.clone()
    }
}

impl Files for Bundle {
    fn read(&self, path: &str) -> io::Result<Vec<u8>> {
        self.files.get(path).map_or_else(|| Err(not_asked(path)), play)
    }

    fn list_dir(&self, path: &str) -> io::Result<Vec<String>> {
        self.directories.get(path).map_or_else(|| Err(not_asked(path)), play)
    }

    fn resolve(&self, host: &str) -> io::Result<Vec<IpAddr>> {
        self.hosts.get(host).map_or_else(|| Err(not_asked(host)), play)
    }

    fn hostname(&self) -> String {
        self.hostname.clone()
    }
}

fn take_down<T>(result: io::Result<T>) -> Answer<T> {
    result.map_err(|error| (error.raw_os_error().unwrap_or(0), error.to_string()))
}

fn play<T: Clone>(answer: &Answer<T>) -> io::Result<T> {
    answer.clone().map_err(|(code, text)| match code {
        0 => io::Error::other(text),
        code => io::Error::from_raw_os_error(code),
    })
}

fn not_asked(what: &str) -> io::Error {
    io::Error::other(format!("'{what}' was not read when the configuration was checked"))
}

impl Bundle {
    /// As bytes: each text is preceded by its length.
    pub fn encode(&self) -> Vec<u8> {
        let mut out = Vec::new();
        put(&mut out, self.hostname.as_bytes());
        put_map(&mut out, &self.files, |out, contents| put(out, contents));
        put_map(&mut out, &self.directories, |out, names| put_list(out, names, |name| name.as_bytes().to_vec()));
        put_map(&mut out, &self.hosts, |out, addrs| put_list(out, addrs, |addr| addr.to_string().into_bytes()));
        out
    }

    /// The reverse of [`Bundle::encode`]; `None` if the bytes are something else.
    pub fn decode(mut bytes: &[u8]) -> Option<Bundle> {
        let rest = &mut bytes;
        let bundle = Bundle {
            hostname: text(rest)?,
            files: map(rest, |rest| Some(take(rest)?.to_vec()))?,
            directories: map(rest, |rest| list(rest, Some))?,
            hosts: map(rest, |rest| list(rest, |addr| addr.parse().ok()))?,
        };
        rest.is_empty().then_some(bundle)
    }
}

fn put(out: &mut Vec<u8>, bytes: &[u8]) {
    out.extend_from_slice(&(bytes.len() as u64).to_le_bytes());
    out.extend_from_slice(bytes);
}

fn put_list<T>(out: &mut Vec<u8>, items: &[T], text: impl Fn(&T) -> Vec<u8>) {
    put(out, items.len().to_string().as_bytes());
    items.iter().for_each(|item| put(out, &text(item)));
}

fn put_map<T>(out: &mut Vec<u8>, map: &BTreeMap<String, Answer<T>>, value: impl Fn(&mut Vec<u8>, &T)) {
    put(out, map.len().to_string().as_bytes());
    for (name, answer) in map {
        put(out, name.as_bytes());
        match answer {
            Ok(found) => {
                put(out, b"found");
                value(out, found);
            }
            Err((code, text)) => {
                put(out, code.to_string().as_bytes());
                put(out, text.as_bytes());
            }
        }
    }
}

fn take<'a>(rest: &mut &'a [u8]) -> Option<&'a [u8]> {
    let (length, behind) = rest.split_first_chunk()?;
    let (bytes, behind) = behind.split_at_checked(usize::try_from(u64::from_le_bytes(*length)).ok()?)?;
    *rest = behind;
    Some(bytes)
}

fn text(rest: &mut &[u8]) -> Option<String> {
    String::from_utf8(take(rest)?.to_vec()).ok()
}

fn list<T>(rest: &mut &[u8], item: impl Fn(String) -> Option<T>) -> Option<Vec<T>> {
    let count: usize = text(rest)?.parse().ok()?;
    (0..count).map(|_| item(text(rest)?)).collect()
}

fn map<T>(rest: &mut &[u8], value: impl Fn(&mut &[u8]) -> Option<T>) -> Option<BTreeMap<String, Answer<T>>> {
    let count: usize = text(rest)?.parse().ok()?;
    let entry = |rest: &mut &[u8]| {
        let name = text(rest)?;
        let answer = match text(rest)?.as_str() {
            "found" => Ok(value(rest)?),
            code => Err((code.parse().ok()?, text(rest)?)),
        };
        Some((name, answer))
    };
    (0..count).map(|_| entry(rest)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lower::Memory;

    #[test]
    fn a_worker_reads_what_the_supervisor_read() {
        let mut disk = Memory::default().with("/etc/a.cfg", b"text\0\xff".as_slice()).with("/etc/certs/x.pem", "pem");
        disk.hosts.insert("backend".to_owned(), vec!["::1".parse().expect("an address")]);
        let recorder = Recorder::new(&disk);
        assert!(recorder.read("/etc/a.cfg").is_ok());
        assert!(recorder.read("/etc/b.cfg").is_err());
        assert!(recorder.list_dir("/etc/certs").is_ok());
        assert!(recorder.resolve("backend").is_ok());
        let bundle = recorder.into_bundle();
        let again = Bundle::decode(&bundle.encode()).expect("what was encoded");
        assert_eq!(again, bundle);
        assert_eq!(again.read("/etc/a.cfg").ok(), disk.read("/etc/a.cfg").ok());
        assert_eq!(again.list_dir("/etc/certs").ok(), Some(vec!["x.pem".to_owned()]));
        assert_eq!(again.resolve("backend").ok(), disk.resolve("backend").ok());
        assert!(again.read("/etc/b.cfg").is_err() && again.read("/etc/c.cfg").is_err());
    }

    #[test]
    fn the_system_s_errors_keep_their_kind() {
        let recorder = Recorder::new(&crate::lower::Disk);
        let missing = recorder.read("/nonexistent/file").expect_err("missing");
        let again = Bundle::decode(&recorder.into_bundle().encode()).expect("what was encoded");
        let played = again.read("/nonexistent/file").expect_err("missing");
        assert_eq!((played.kind(), played.to_string()), (missing.kind(), missing.to_string()));
    }

    #[test]
    fn cut_bytes_are_no_bundle() {
        let recorder = Recorder::new(&crate::lower::Disk);
        let _ = recorder.read("/etc/passwd");
        let bytes = recorder.into_bundle().encode();
        assert!((0..bytes.len()).all(|length| Bundle::decode(&bytes[..length]).is_none()));
    }
}
