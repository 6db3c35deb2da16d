//! Files in memory above others: certificates that came in variables are read like files.

use std::collections::BTreeMap;
use std::io;
use std::net::IpAddr;

use crate::lower::Files;

/// `above`, and behind it `below`. A directory holds what both have.
#[derive(Clone, Copy)]
pub struct Overlay<'a> {
    pub above: &'a BTreeMap<String, Vec<u8>>,
    pub below: &'a dyn Files,
}

impl Files for Overlay<'_> {
    fn read(&self, path: &str) -> io::Result<Vec<u8>> {
        match self.above.get(path) {
            Some(bytes) => Ok(bytes.clone()),
            None => self.below.read(path),
        }
    }

    fn list_dir(&self, path: &str) -> io::Result<Vec<String>> {
        let prefix = format!("{}/", path.trim_end_matches('/'));
        let direct = |name: &String| name.strip_prefix(&prefix).filter(|rest| !rest.contains('/')).map(str::to_owned);
        let mut names: Vec<String> = self.above.keys().filter_map(direct).collect();
        match self.below.list_dir(path) {
            Ok(others) => names.extend(others),
            Err(why) if names.is_empty() => return Err(why),
            Err(_) => {}
        }
        names.sort();
        names.dedup();
        Ok(names)
    }

    fn resolve(&self, host: &str) -> io::Result<Vec<IpAddr>> {
        self.below.resolve(host)
    }

    fn hostname(&self) -> String {
        self.below.hostname()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lower::Memory;

    #[test]
    fn a_directory_holds_what_both_have() {
        let above = BTreeMap::from([("/certs/cert0.pem".to_owned(), b"a".to_vec())]);
        let below = Memory::default().with("/certs/mine.pem", "b").with("/certs/cert0.pem", "c").with("/etc/x", "d");
        let files = Overlay { above: &above, below: &below };
        assert_eq!(files.list_dir("/certs/").unwrap(), ["cert0.pem", "mine.pem"]);
        assert_eq!(files.list_dir("/etc").unwrap(), ["x"]);
        assert!(files.list_dir("/none").is_err());
        assert_eq!(files.read("/certs/cert0.pem").unwrap(), b"a");
        assert_eq!(files.read("/certs/mine.pem").unwrap(), b"b");
    }
}
