//! Certificates that change while the process runs (management.txt 9.3 `set ssl cert`): new handshakes see what was committed,
//! connections go on with what they have. There is one transaction at a time.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rustls::pki_types::{CertificateDer, PrivateKeyDer};

use super::{Answer, Command, Done, Level, Shell, flat};
use crate::base::hex;
use crate::ir::{Bind, BindTls, CertChain, Ir};
use crate::keyword::Meta;
use crate::wire::certificate;

pub(super) static COMMANDS: &[Command] = &[
    Command {
        meta: Meta::new(
            "show ssl cert",
            "show ssl cert [<certfile>]",
            "display the SSL certificates used in memory, or the details of a file",
            &[("show ssl cert", "# filename"), ("show ssl cert none.pem", "Can't display the certificate")],
        ),
        level: Level::User,
        run: |shell, words| flat(show(shell, words)),
    },
    Command {
        meta: Meta::new(
            "set ssl cert",
            "set ssl cert <certfile> <payload>",
            "replace a certificate file",
            &[("set ssl cert", "'set ssl cert expects a filename and a certificate as a payload")],
        ),
        level: Level::Admin,
        run: |shell, words| flat(set(shell, words)),
    },
    Command {
        meta: Meta::new(
            "commit ssl cert",
            "commit ssl cert <certfile>",
            "commit a certificate file",
            &[("commit ssl cert site.pem", "No ongoing transaction! !")],
        ),
        level: Level::Admin,
        run: |shell, words| flat(commit(shell, words)),
    },
    Command {
        meta: Meta::new(
            "abort ssl cert",
            "abort ssl cert <certfile>",
            "abort a transaction for a certificate file",
            &[("abort ssl cert site.pem", "No ongoing transaction!")],
        ),
        level: Level::Admin,
        run: |shell, words| flat(abort(shell, words)),
    },
    Command {
        meta: Meta::new(
            "new ssl cert",
            "new ssl cert <certfile>",
            "create a new certificate file to be used in a crt-list or a directory",
            &[("new ssl cert new.pem", "New empty certificate store 'new.pem'!")],
        ),
        level: Level::Admin,
        run: |shell, words| flat(create(shell, words)),
    },
    Command {
        meta: Meta::new(
            "del ssl cert",
            "del ssl cert <certfile>",
            "delete an unused certificate file",
            &[("del ssl cert none.pem", "Can't remove the certificate")],
        ),
        level: Level::Admin,
        run: |shell, words| flat(delete(shell, words)),
    },
];

/// Certificates that no configuration has: those of a transaction, and those that nobody uses yet. They outlive reloads.
#[derive(Default)]
pub struct Certificates {
    transaction: Mutex<Option<Draft>>,
    /// By path; `None` is an empty one.
    spare: Mutex<BTreeMap<String, Option<Arc<CertChain>>>>,
}

/// What a transaction has so far.
struct Draft {
    path: String,
    chain: Vec<CertificateDer<'static>>,
    key: Option<PrivateKeyDer<'static>>,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// All certificates of clients' listeners.
fn used(ir: &Ir) -> impl Iterator<Item = &Arc<CertChain>> {
    ir.proxies.iter().flat_map(|proxy| &proxy.binds).filter_map(|bind| bind.tls.as_ref()).flat_map(|tls| &tls.certs)
}

/// The certificate that a listener shows under that path, or one that nobody uses; the inner option is none if it is empty.
pub(super) fn find(shell: &Shell<'_>, path: &str) -> Option<Option<Arc<CertChain>>> {
    let shown = used(shell.ir).find(|cert| cert.path == path);
    shown.map(|cert| Some(cert.clone())).or_else(|| lock(&shell.certs.spare).get(path).cloned())
}

fn show(shell: &Shell<'_>, words: &[&str]) -> Done {
    let transaction = lock(&shell.certs.transaction);
    let Some(name) = words.first() else {
        let mut out = String::new();
        if let Some(draft) = &*transaction {
            out.push_str(&format!("# transaction\n*{}\n", draft.path));
        }
        let mut paths: BTreeSet<String> = used(shell.ir).map(|cert| cert.path.clone()).collect();
        paths.extend(lock(&shell.certs.spare).keys().cloned());
        out.push_str("# filename\n");
        paths.iter().for_each(|path| out.extend([path, "\n"]));
        return Ok(Answer::data(out));
    };
    let unknown = || Answer::error("Can't display the certificate: Not found or the certificate is a bundle!");
    if let Some(path) = name.strip_prefix('*') {
        let draft = transaction.as_ref().filter(|draft| draft.path == path).ok_or_else(unknown)?;
        return Ok(Answer::data(details(name, "Unused", &draft.chain)));
    }
    let name = name.strip_prefix('\\').unwrap_or(name);
    let found = find(shell, name).ok_or_else(unknown)?;
    let status = match &found {
        None => "Empty",
        Some(_) if used(shell.ir).any(|cert| cert.path == name) => "Used",
        Some(_) => "Unused",
    };
    Ok(Answer::data(details(name, status, found.as_ref().map_or(&[], |cert| &cert.chain))))
}

fn details(name: &str, status: &str, chain: &[CertificateDer<'_>]) -> String {
    let mut out = format!("Filename: {name}\nStatus: {status}\n");
    // Writing to a String cannot fail.
    if let Some((leaf, about)) = chain.first().and_then(|leaf| Some((leaf, certificate::describe(leaf)?))) {
        let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA1_FOR_LEGACY_USE_ONLY, leaf);
        let _ = write!(
            out,
            "Serial: {}\nnotBefore: {}\nnotAfter: {}\nSubject Alternative Name: {}\nAlgorithm: {}\n\
             SHA1 FingerPrint: {}\nSubject: {}\nIssuer: {}\n",
            about.serial,
            about.not_before,
            about.not_after,
            about.alternatives,
            about.algorithm,
            hex::upper_hex(digest.as_ref()),
            about.subject,
            about.issuer,
        );
    }
    for about in chain.iter().skip(1).filter_map(|cert| certificate::describe(cert)) {
        let _ = write!(out, "Chain Subject: {}\nChain Issuer: {}\n", about.subject, about.issuer);
    }
    out.push_str("OCSP Response Key: \n");
    out
}

fn set(shell: &Shell<'_>, words: &[&str]) -> Done {
    let (Some(name), Some(payload)) = (words.first(), shell.payload) else {
        return Err(Answer::error("'set ssl cert expects a filename and a certificate as a payload"));
    };
    let fail = |why: String| Answer::error(format!("{why}\nCan't update {name}!\n"));
    let Some(loader) = shell.lines else { return Ok(Answer::done()) };
    if let Some(suffix) = [".ocsp", ".issuer", ".sctl"].iter().find(|suffix| name.ends_with(**suffix)) {
        return Err(fail(format!("'{suffix}' files are known to HAProxy 3.4, not supported by hydroxy yet.")));
    }
    let (path, key_only) = match name.strip_suffix(".key").filter(|path| find(shell, path).is_some()) {
        Some(path) => (path, true),
        None => (*name, false),
    };
    if find(shell, path).is_none() {
        return Err(fail("Can't replace a certificate which is not referenced by the configuration!".to_owned()));
    }
    let mut transaction = lock(&shell.certs.transaction);
    if let Some(draft) = transaction.as_ref().filter(|draft| draft.path != path) {
        return Err(fail(about_another(draft, "set", path)));
    }
    let (chain, key) =
        loader.certificate(name, payload.as_bytes()).map_err(|why| fail(format!("{why}\nCan't load the payload")))?;
    let began = transaction.is_none();
    let before = transaction.take().unwrap_or_else(|| Draft::of(path, find(shell, path).flatten().as_deref()));
    *transaction = Some(match key_only {
        true => Draft { key, ..before },
        false => Draft { chain, key, ..before },
    });
    let done = if began { "created" } else { "updated" };
    Ok(Answer::data(format!("Transaction {done} for certificate {path}!\n")))
}

impl Draft {
    /// A copy of what is there.
    fn of(path: &str, cert: Option<&CertChain>) -> Draft {
        Draft {
            path: path.to_owned(),
            chain: cert.map(|cert| cert.chain.clone()).unwrap_or_default(),
            key: cert.map(|cert| cert.key.clone_key()),
        }
    }
}

fn about_another(draft: &Draft, doing: &str, path: &str) -> String {
    format!("The ongoing transaction is about '{}' but you are trying to {doing} '{path}'", draft.path)
}

fn commit(shell: &Shell<'_>, words: &[&str]) -> Done {
    let Some(path) = words.first() else { return Err(Answer::error("'commit ssl cert expects a filename")) };
    let fail = |why: String| Answer::error(format!("{why}\nCan't commit {path}!\n"));
    let mut transaction = lock(&shell.certs.transaction);
    let Some(draft) = transaction.as_ref() else { return Err(fail("No ongoing transaction! !".to_owned())) };
    if draft.path != *path {
        return Err(fail(about_another(draft, "set", path)));
    }
    let (Some(key), false) = (&draft.key, draft.chain.is_empty()) else {
        return Err(fail("The transaction must contain at least a certificate and a private key!".to_owned()));
    };
    let (Some(engine), Some(loader)) = (shell.engine, shell.lines) else { return Ok(Answer::done()) };
    loader.is_pair(&draft.chain, key, path).map_err(fail)?;
    let names = draft.chain.first().map(|leaf| certificate::dns_names(leaf)).unwrap_or_default();
    let fresh = CertChain { path: (*path).to_owned(), chain: draft.chain.clone(), key: key.clone_key(), names };
    let fresh = Arc::new(fresh);
    let mut places = 0;
    if used(shell.ir).any(|cert| cert.path == *path) {
        engine.edit(|ir, _| Ok(edit_tls(ir, |tls| places += replace(tls, &fresh)))).map_err(fail)?;
    }
    if let Some(spare) = lock(&shell.certs.spare).get_mut(*path) {
        *spare = Some(fresh);
    }
    *transaction = None;
    // A dot for each listener that shows it.
    Ok(Answer::data(format!("Committing {path}{}\nSuccess!\n", ".".repeat(places))))
}

/// The configuration with other TLS on the lines that `change` touches; it tells by returning so that it did.
pub(super) fn edit_tls(ir: &Ir, mut change: impl FnMut(&mut BindTls)) -> Ir {
    let mut out = ir.clone();
    for place in &mut out.proxies {
        let mut binds = place.binds.clone();
        let mut touched = false;
        for bind in &mut binds {
            let Some(tls) = &bind.tls else { continue };
            let mut tls = tls.clone();
            change(&mut tls);
            if is_other(&tls, bind) {
                *bind = Arc::new(Bind { tls: Some(tls), ..(**bind).clone() });
                touched = true;
            }
        }
        if touched {
            let mut proxy = (**place).clone();
            proxy.binds = binds;
            *place = Arc::new(proxy);
        }
    }
    out
}

fn is_other(tls: &BindTls, bind: &Bind) -> bool {
    let Some(old) = &bind.tls else { return true };
    let same = |(one, other): (&Arc<CertChain>, &Arc<CertChain>)| Arc::ptr_eq(one, other);
    let lines = |tls: &BindTls| tls.lists.iter().map(|list| list.entries.len()).sum::<usize>();
    old.certs.len() != tls.certs.len() || !old.certs.iter().zip(&tls.certs).all(same) || lines(old) != lines(tls)
}

/// Puts a certificate wherever its file was used; how many times. Filters of lists stay.
fn replace(tls: &mut BindTls, fresh: &Arc<CertChain>) -> usize {
    let mut count = 0;
    for cert in tls.certs.iter_mut().filter(|cert| cert.path == fresh.path) {
        let own = cert.chain.first().map(|leaf| certificate::dns_names(leaf)).unwrap_or_default();
        *cert = if cert.names == own { fresh.clone() } else { named(fresh, &cert.names) };
        count += 1;
    }
    count
}

/// The same certificate for other names.
pub(super) fn named(cert: &CertChain, names: &[String]) -> Arc<CertChain> {
    Arc::new(CertChain {
        path: cert.path.clone(),
        chain: cert.chain.clone(),
        key: cert.key.clone_key(),
        names: names.to_vec(),
    })
}

fn abort(shell: &Shell<'_>, words: &[&str]) -> Done {
    let Some(path) = words.first() else { return Err(Answer::error("'abort ssl cert' expects a filename")) };
    let mut transaction = lock(&shell.certs.transaction);
    match transaction.as_ref() {
        None => Err(Answer::error("No ongoing transaction!")),
        Some(draft) if draft.path != *path => Err(Answer::error(about_another(draft, "abort a transaction for", path))),
        Some(_) => {
            *transaction = None;
            Ok(Answer::data(format!("Transaction aborted for certificate '{path}'!\n")))
        }
    }
}

fn create(shell: &Shell<'_>, words: &[&str]) -> Done {
    let Some(path) = words.first() else { return Err(Answer::error("'new ssl cert' expects a filename")) };
    if find(shell, path).is_some() {
        return Err(Answer::error(format!("Certificate '{path}' already exists!")));
    }
    lock(&shell.certs.spare).insert((*path).to_owned(), None);
    Ok(Answer::data(format!("New empty certificate store '{path}'!\n")))
}

fn delete(shell: &Shell<'_>, words: &[&str]) -> Done {
    let Some(path) = words.first() else { return Err(Answer::error("'del ssl cert' expects a certificate name")) };
    let fail = |why| Answer::error(format!("Can't remove the certificate: certificate '{path}' {why}!"));
    if used(shell.ir).any(|cert| cert.path == *path) {
        return Err(fail("in use, can't be deleted"));
    }
    lock(&shell.certs.spare).remove(*path).ok_or_else(|| fail("doesn't exist"))?;
    Ok(Answer::data(format!("Certificate '{path}' deleted!\n")))
}
