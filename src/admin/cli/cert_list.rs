//! Lists of certificates that change while the process runs (management.txt 9.3 `add ssl crt-list`).

use std::collections::BTreeMap;

use super::cert::{edit_tls, find, named};
use super::{Answer, Command, Done, Level, Shell, flat};
use crate::ir::{CertList, CertListEntry, Ir};
use crate::keyword::Meta;

pub(super) static COMMANDS: &[Command] = &[
    Command {
        meta: Meta::new(
            "show ssl crt-list",
            "show ssl crt-list [-n] [<list>]",
            "show the list of crt-lists or the content of a crt-list file <list>",
            &[("show ssl crt-list", ""), ("show ssl crt-list none", "didn't find the specified filename")],
        ),
        level: Level::Admin,
        run: |shell, words| flat(show(shell, words)),
    },
    Command {
        meta: Meta::new(
            "add ssl crt-list",
            "add ssl crt-list <list> <cert> [opts]*",
            "add to crt-list file <list> a line <cert> or a payload",
            &[("add ssl crt-list none none.pem", "Can't edit the crt-list")],
        ),
        level: Level::Admin,
        run: |shell, words| flat(add(shell, words)),
    },
    Command {
        meta: Meta::new(
            "del ssl crt-list",
            "del ssl crt-list <list> <cert[:line]>",
            "delete a line <cert> from crt-list file <list>",
            &[("del ssl crt-list none none.pem", "Can't delete the entry")],
        ),
        level: Level::Admin,
        run: |shell, words| flat(delete(shell, words)),
    },
];

/// All lists by path: one that several listeners have is shown once.
fn lists(ir: &Ir) -> BTreeMap<&str, &CertList> {
    let binds = ir.proxies.iter().flat_map(|proxy| &proxy.binds);
    binds.filter_map(|bind| bind.tls.as_ref()).flat_map(|tls| &tls.lists).map(|list| (&*list.path, list)).collect()
}

fn show(shell: &Shell<'_>, words: &[&str]) -> Done {
    let lists = lists(shell.ir);
    let numbered = words.contains(&"-n");
    let Some(path) = words.iter().find(|word| **word != "-n") else {
        return Ok(Answer::data(lists.keys().map(|path| format!("{path}\n")).collect::<String>()));
    };
    let list = lists.get(*path).ok_or_else(|| Answer::error("didn't find the specified filename"))?;
    let line = |entry: &CertListEntry| {
        let number = if numbered { format!(":{}", entry.line) } else { String::new() };
        let space = if entry.filters.is_empty() { "" } else { " " };
        format!("{}{number}{space}{}\n", entry.file, entry.filters)
    };
    Ok(Answer::data(format!("# {path}\n{}", list.entries.iter().map(line).collect::<String>())))
}

fn add(shell: &Shell<'_>, words: &[&str]) -> Done {
    let line = match (words, shell.payload) {
        ([_, cert, ..], None) => (*cert).to_owned(),
        ([_], Some(payload)) if payload.trim_end().lines().count() == 1 => payload.trim_end().to_owned(),
        ([_], Some(_)) => return Err(Answer::error("Can't edit the crt-list: one line is expected as payload!")),
        _ => return Err(Answer::error("'add ssl crtlist' expects a filename and a certificate name")),
    };
    let path = words.first().copied().unwrap_or_default();
    let fail = |why: String| Answer::error(format!("Can't edit the crt-list: {why}"));
    let list = lists(shell.ir).get(path).copied().cloned();
    let list = list.ok_or_else(|| fail(format!("crt-list '{path}' does not exist!")))?;
    let Some(loader) = shell.lines else { return Ok(Answer::done()) };
    let mut entry = loader.list_line(&line).map_err(fail)?;
    let unknown = || fail(format!("certificate '{}' does not exist!", entry.file));
    let cert = find(shell, &entry.file).ok_or_else(unknown)?;
    let cert = cert.ok_or_else(|| fail(format!("certificate '{}' is empty!", entry.file)))?;
    let cert = if entry.names.is_empty() {
        let own = cert.chain.first().map(|leaf| crate::wire::certificate::dns_names(leaf)).unwrap_or_default();
        named(&cert, &own)
    } else {
        named(&cert, &entry.names)
    };
    entry.line = list.entries.iter().map(|entry| entry.line).max().unwrap_or(0) + 1;
    let Some(engine) = shell.engine else { return Ok(Answer::done()) };
    let change = |ir: &Ir| {
        edit_tls(ir, |tls| {
            for list in tls.lists.iter_mut().filter(|list| list.path == path) {
                list.entries.push(entry.clone());
                tls.certs.push(cert.clone());
            }
        })
    };
    engine.edit(|ir, _| Ok(change(ir))).map_err(fail)?;
    Ok(Answer::data(format!("Inserting certificate '{}' in crt-list '{path}'.\nSuccess!\n", entry.file)))
}

fn delete(shell: &Shell<'_>, words: &[&str]) -> Done {
    let [path, wanted, ..] = words else {
        return Err(Answer::error("'del ssl crtlist' expects a filename and a certificate name"));
    };
    let fail = |why: String| Answer::error(format!("Can't delete the entry: {why}!"));
    let list = lists(shell.ir).get(path).copied().cloned();
    let list = list.ok_or_else(|| fail(format!("crt-list '{path}' does not exist")))?;
    let (file, number) = match wanted.rsplit_once(':').and_then(|(file, line)| Some((file, line.parse().ok()?))) {
        Some((file, line)) => (file, Some(line)),
        None => (*wanted, None),
    };
    let fits = |entry: &&CertListEntry| entry.file == file && number.is_none_or(|line: u32| entry.line == line);
    let found: Vec<&CertListEntry> = list.entries.iter().filter(fits).collect();
    let entry = match found.as_slice() {
        [] => return Err(fail(format!("certificate '{wanted}' does not exist in crt-list '{path}'"))),
        [entry] => (*entry).clone(),
        many => {
            let lines: Vec<String> = many.iter().map(|entry| entry.line.to_string()).collect();
            return Err(fail(format!(
                "found the certificate '{file}' in several entries, please specify a line number preceded by colons ({})",
                lines.join(", ")
            )));
        }
    };
    let Some(engine) = shell.engine else { return Ok(Answer::done()) };
    let change = |ir: &Ir| {
        edit_tls(ir, |tls| {
            for list in tls.lists.iter_mut().filter(|list| list.path == *path) {
                list.entries.retain(|other| *other != entry);
                let own = |cert: &crate::ir::CertChain| entry.names.is_empty() || cert.names == entry.names;
                // What was added last is not a default certificate.
                if let Some(at) = tls.certs.iter().rposition(|cert| cert.path == entry.file && own(cert)) {
                    tls.certs.remove(at);
                    tls.defaults -= usize::from(at < tls.defaults);
                }
            }
        })
    };
    engine.edit(|ir, _| Ok(change(ir))).map_err(fail)?;
    Ok(Answer::data(format!("Entry '{file}' deleted in crtlist '{path}'!\n")))
}
