//! `-dL`: the program and the shared libraries it has loaded, for archives beside a core dump (management.txt chapter 3).

use std::fmt::Write;
use std::io;

/// The list; with the range of addresses in front of each file if `ranges` is set.
pub fn text(ranges: bool) -> io::Result<String> {
    Ok(of(&std::fs::read_to_string("/proc/self/maps")?, ranges))
}

/// The files in a map of memory (`proc_pid_maps(5)`), those that hold code, in order of their first line but the program first.
fn of(maps: &str, ranges: bool) -> String {
    let mut files: Vec<Object<'_>> = Vec::new();
    for (range, rights, path) in maps.lines().filter_map(fields) {
        match files.iter_mut().find(|file| file.path == path) {
            Some(file) => {
                file.end = range.1;
                file.code |= rights.contains('x');
            }
            None => files.push(Object { path, start: range.0, end: range.1, code: rights.contains('x') }),
        }
    }
    let mut out = String::new();
    for file in files.iter().filter(|file| file.code) {
        if ranges {
            let (start, last, size) = (file.start, file.end.saturating_sub(1), file.end.saturating_sub(file.start));
            // Writing to a String cannot fail.
            let _ = write!(out, "0x{start:012x}-0x{last:012x} (0x{size:07x}) ");
        }
        out.push_str(file.path);
        out.push('\n');
    }
    out
}

struct Object<'m> {
    path: &'m str,
    start: u64,
    end: u64,
    code: bool,
}

/// Addresses, rights and path of a line; `None` for memory without a file.
fn fields(line: &str) -> Option<((u64, u64), &str, &str)> {
    let path = line.get(line.find('/')?..)?;
    let mut words = line.split_whitespace();
    let (start, end) = words.next()?.split_once('-')?;
    let number = |text| u64::from_str_radix(text, 16).ok();
    Some(((number(start)?, number(end)?), words.next()?, path))
}

#[cfg(test)]
mod tests {
    use super::*;

    const MAPS: &str = "\
55d0a4c00000-55d0a4c10000 r--p 00000000 08:01 11 /usr/sbin/hydroxy
55d0a4c10000-55d0a4c80000 r-xp 00010000 08:01 11 /usr/sbin/hydroxy
55d0a6000000-55d0a6021000 rw-p 00000000 00:00 0 [heap]
7f0000000000-7f0000028000 r--p 00000000 08:01 12 /lib/libc.so.6
7f0000028000-7f0000180000 r-xp 00028000 08:01 12 /lib/libc.so.6
7f0000200000-7f0000201000 r--p 00000000 08:01 13 /usr/share/zoneinfo/UTC
7ffd00000000-7ffd00021000 rw-p 00000000 00:00 0 [stack]
";

    #[test]
    fn files_with_code_are_listed_once() {
        assert_eq!(of(MAPS, false), "/usr/sbin/hydroxy\n/lib/libc.so.6\n");
        assert_eq!(of(MAPS, true).lines().nth(1), Some("0x7f0000000000-0x7f000017ffff (0x0180000) /lib/libc.so.6"));
    }

    #[test]
    fn the_program_itself_is_listed() {
        let program = std::env::current_exe().unwrap();
        assert!(text(false).unwrap().lines().any(|line| std::path::Path::new(line) == program));
    }
}
