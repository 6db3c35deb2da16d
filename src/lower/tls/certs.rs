//! PEM files: certificates with their keys, roots, and the names a certificate is for. Every key is matched with its
//! certificate at load, so that a wrong pair never reaches a handshake.

use std::sync::Arc;

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::sign::CertifiedKey;
use x509_parser::prelude::{FromDer, X509Certificate};

use crate::ir::CertChain;
use crate::lower::files::Reader;
use crate::wire::certificate::dns_names;

/// A chain and its key, as a server line's `crt` needs it.
pub(in crate::lower) type ChainAndKey = (Vec<CertificateDer<'static>>, PrivateKeyDer<'static>);

/// What stands behind one `crt`: a file, a directory of files, or a bundle `name.rsa`, `name.ecdsa`.
pub(in crate::lower) fn load_certs(path: &str, reader: &Reader<'_>) -> Result<Vec<Arc<CertChain>>, String> {
    if let Some(paths) = reader.list_dir(path) {
        let wanted = |path: &&String| {
            let name = path.rsplit('/').next().unwrap_or(path);
            !name.starts_with('.') && !RESERVED.iter().any(|suffix| name.ends_with(suffix))
        };
        return paths.iter().filter(wanted).map(|path| load_one(path, reader)).collect();
    }
    if reader.read(path).is_err() {
        let bundle: Vec<String> = BUNDLE.iter().map(|suffix| format!("{path}{suffix}")).collect();
        let present: Vec<&String> = bundle.iter().filter(|path| reader.read(path).is_ok()).collect();
        if !present.is_empty() {
            return present.into_iter().map(|path| load_one(path, reader)).collect();
        }
    }
    Ok(vec![load_one(path, reader)?])
}

/// The name of the bundle that a file belongs to, if it belongs to one; else its own.
pub(in crate::lower) fn bundle(path: &str) -> &str {
    BUNDLE.iter().find_map(|suffix| path.strip_suffix(suffix)).unwrap_or(path)
}

/// A client certificate with its key.
pub(in crate::lower) fn load_cert(path: &str, reader: &Reader<'_>) -> Result<ChainAndKey, String> {
    let pem = reader.read(path).map_err(|why| format!("unable to load certificate from file '{path}': {why}."))?;
    let chain = read_chain(&pem, path)?;
    let key = match read_key(&pem, path)? {
        Some(key) => key,
        None => key_beside(path, reader)?,
    };
    check_pair(&chain, &key, path)?;
    Ok((chain, key))
}

/// The certificates and the key of a PEM text that the runtime socket sends for a file (management.txt 9.3 `set ssl cert`). Either
/// may be missing, not both.
pub fn certificate(
    path: &str,
    pem: &[u8],
) -> Result<(Vec<CertificateDer<'static>>, Option<PrivateKeyDer<'static>>), String> {
    let key = read_key(pem, path)?;
    match read_chain(pem, path) {
        Ok(chain) => Ok((chain, key)),
        Err(_) if key.is_some() => Ok((Vec::new(), key)),
        Err(why) => Err(why),
    }
}

/// Whether a key is that of the first certificate; the error says what is wrong.
pub fn is_pair(chain: &[CertificateDer<'static>], key: &PrivateKeyDer<'static>, path: &str) -> Result<(), String> {
    check_pair(chain, key, path)
}

/// CA certificates of a file or of a directory's `.pem`, `.crt`, `.cer` and `.crl` files.
pub(in crate::lower) fn load_roots(path: &str, reader: &Reader<'_>) -> Result<Vec<CertificateDer<'static>>, String> {
    if let Some(paths) = reader.list_dir(path) {
        let mut all = Vec::new();
        let wanted = |path: &&String| [".pem", ".crt", ".cer"].iter().any(|suffix| path.ends_with(suffix));
        for path in paths.iter().filter(wanted) {
            all.extend(load_roots(path, reader)?);
        }
        return Ok(all);
    }
    let pem = reader.read(path).map_err(|why| format!("Couldn't open the ca-file '{path}' ({why})"))?;
    read_chain(&pem, path)
}

/// The authorities that the system believes, where it keeps them in one of the usual files.
pub(in crate::lower) fn system_roots(reader: &Reader<'_>) -> Vec<CertificateDer<'static>> {
    SYSTEM_ROOTS.iter().find_map(|path| read_chain(&reader.read(path).ok()?, path).ok()).unwrap_or_default()
}

fn load_one(path: &str, reader: &Reader<'_>) -> Result<Arc<CertChain>, String> {
    let (chain, key) = load_cert(path, reader)?;
    let names = chain.first().map(|leaf| dns_names(leaf)).unwrap_or_default();
    Ok(Arc::new(CertChain { path: path.to_owned(), chain, key, names }))
}

fn read_chain(pem: &[u8], path: &str) -> Result<Vec<CertificateDer<'static>>, String> {
    let chain: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem).collect();
    let chain = chain.map_err(|error| format!("unable to load certificate from file '{path}': {error}."))?;
    if chain.is_empty() {
        return Err(format!("unable to load certificate from file '{path}': no certificate found."));
    }
    for cert in &chain {
        X509Certificate::from_der(cert).map_err(|error| format!("invalid certificate in file '{path}': {error}."))?;
    }
    Ok(chain)
}

fn read_key(pem: &[u8], path: &str) -> Result<Option<PrivateKeyDer<'static>>, String> {
    if pem.windows(MARK_ENCRYPTED.len()).any(|part| part == MARK_ENCRYPTED) {
        return Err(format!("the private key in file '{path}' is encrypted, which hydroxy does not support yet."));
    }
    match PrivateKeyDer::from_pem_slice(pem) {
        Ok(key) => Ok(Some(key)),
        Err(rustls::pki_types::pem::Error::NoItemsFound) => Ok(None),
        Err(error) => Err(format!("unable to load private key from file '{path}': {error}.")),
    }
}

/// The key of `site.pem` may stand in `site.pem.key`, or in `site.key` for `site.crt`.
fn key_beside(path: &str, reader: &Reader<'_>) -> Result<PrivateKeyDer<'static>, String> {
    let swapped = path.strip_suffix(".crt").map(|stem| format!("{stem}.key"));
    for path in [Some(format!("{path}.key")), swapped].into_iter().flatten() {
        if let Ok(pem) = reader.read(&path) {
            return read_key(&pem, &path)?.ok_or_else(|| format!("no private key found in file '{path}'."));
        }
    }
    Err(format!("No Private Key found in '{path}' or '{path}.key'."))
}

fn check_pair(chain: &[CertificateDer<'static>], key: &PrivateKeyDer<'static>, path: &str) -> Result<(), String> {
    let signer = rustls::crypto::aws_lc_rs::sign::any_supported_type(key)
        .map_err(|error| format!("the private key in file '{path}' is not usable: {error}."))?;
    match CertifiedKey::new(chain.to_vec(), signer).keys_match() {
        Ok(()) | Err(rustls::Error::InconsistentKeys(rustls::InconsistentKeys::Unknown)) => Ok(()),
        Err(_) => Err(format!("inconsistencies between private key and certificate loaded '{path}'.")),
    }
}

/// Not certificates, though they stand beside them (manual 5.1 `crt`).
const RESERVED: [&str; 4] = [".key", ".issuer", ".ocsp", ".sctl"];
/// Of Debian and its relatives, Fedora and its relatives, Alpine and the BSDs.
const SYSTEM_ROOTS: [&str; 3] =
    ["/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt", "/etc/ssl/cert.pem"];
/// Suffixes of a bundle (manual 3.1 `ssl-load-extra-files`).
const BUNDLE: [&str; 3] = [".rsa", ".ecdsa", ".dsa"];
const MARK_ENCRYPTED: &[u8] = b"-----BEGIN ENCRYPTED PRIVATE KEY-----";
