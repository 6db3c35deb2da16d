//! What a certificate (RFC 5280) says of itself: the names it is for and when it is valid. Whether to believe it is decided
//! elsewhere.

use std::net::IpAddr;

use x509_parser::objects::{oid_registry, oid2abbrev};
use x509_parser::prelude::{ASN1Time, FromDer, GeneralName, X509Certificate, X509Name};
use x509_parser::public_key::PublicKey;

/// The DNS names in lower case: the subject alternative names, then the common name. Wildcards as `*.example.org`.
pub fn dns_names(der: &[u8]) -> Vec<String> {
    let Ok((_, cert)) = X509Certificate::from_der(der) else { return Vec::new() };
    let mut names: Vec<String> = Vec::new();
    if let Ok(Some(alternatives)) = cert.subject_alternative_name() {
        for name in &alternatives.value.general_names {
            if let GeneralName::DNSName(name) = name {
                names.push(name.to_ascii_lowercase());
            }
        }
    }
    for name in cert.subject().iter_common_name().filter_map(|name| name.as_str().ok()) {
        let name = name.to_ascii_lowercase();
        if !names.contains(&name) {
            names.push(name);
        }
    }
    names
}

/// What a certificate says of itself, in the words of OpenSSL.
pub struct Description {
    /// In capital digits.
    pub serial: String,
    /// `Nov 26 00:16:03 2026 GMT`
    pub not_before: String,
    /// See `not_before`.
    pub not_after: String,
    /// `DNS:example.org, IP Address:192.0.2.1`
    pub alternatives: String,
    /// `RSA2048`, `EC256`
    pub algorithm: String,
    /// `/C=DE/O=Example/CN=example.org`
    pub subject: String,
    /// See `subject`.
    pub issuer: String,
}

/// Describes a certificate; `None` if it is none.
pub fn describe(der: &[u8]) -> Option<Description> {
    let (_, cert) = X509Certificate::from_der(der).ok()?;
    let serial = crate::base::hex::upper_hex(cert.raw_serial());
    let serial = serial.strip_prefix("00").filter(|rest| !rest.is_empty()).map_or(serial.clone(), str::to_owned);
    let alternatives = cert.subject_alternative_name().ok().flatten();
    let names = alternatives.into_iter().flat_map(|found| &found.value.general_names).filter_map(alternative);
    Some(Description {
        serial,
        not_before: time(&cert.validity().not_before),
        not_after: time(&cert.validity().not_after),
        alternatives: names.collect::<Vec<_>>().join(", "),
        algorithm: key_of(&cert),
        subject: distinguished(cert.subject()),
        issuer: distinguished(cert.issuer()),
    })
}

/// The kind and size of the key, e.g. `RSA2048`.
pub fn key(der: &[u8]) -> Option<String> {
    X509Certificate::from_der(der).ok().map(|(_, cert)| key_of(&cert)).filter(|key| !key.is_empty())
}

fn key_of(cert: &X509Certificate<'_>) -> String {
    match cert.public_key().parsed() {
        Ok(PublicKey::RSA(key)) => format!("RSA{}", key.key_size()),
        Ok(PublicKey::EC(point)) => format!("EC{}", point.key_size()),
        _ => String::new(),
    }
}

fn alternative(name: &GeneralName<'_>) -> Option<String> {
    match name {
        GeneralName::DNSName(name) => Some(format!("DNS:{name}")),
        GeneralName::RFC822Name(name) => Some(format!("email:{name}")),
        GeneralName::URI(name) => Some(format!("URI:{name}")),
        GeneralName::IPAddress(octets) => match (<[u8; 4]>::try_from(*octets), <[u8; 16]>::try_from(*octets)) {
            (Ok(v4), _) => Some(format!("IP Address:{}", IpAddr::from(v4))),
            (_, Ok(v6)) => Some(format!("IP Address:{}", IpAddr::from(v6))),
            _ => None,
        },
        _ => None,
    }
}

fn time(time: &ASN1Time) -> String {
    let time = time.to_datetime();
    let month = &time.month().to_string()[..3];
    let (hour, minute, second) = time.to_hms();
    format!("{month} {:2} {hour:02}:{minute:02}:{second:02} {} GMT", time.day(), time.year())
}

fn distinguished(name: &X509Name<'_>) -> String {
    let mut out = String::new();
    for attribute in name.iter_attributes() {
        let kind = oid2abbrev(attribute.attr_type(), oid_registry());
        let kind = kind.map_or_else(|_| attribute.attr_type().to_id_string(), str::to_owned);
        out.push_str(&format!("/{kind}={}", attribute.as_str().unwrap_or_default()));
    }
    out
}

/// Whether one of the names is this host, in lower case; a wildcard stands for the first label.
pub fn is_for_host(der: &[u8], host: &str) -> bool {
    let domain = host.find('.').and_then(|at| host.get(at..)).filter(|domain| domain.len() > 1);
    dns_names(der).iter().any(|name| match name.strip_prefix('*') {
        Some(rest) => domain == Some(rest),
        None => name == host,
    })
}

/// Whether one of the names is this address.
pub fn is_for_address(der: &[u8], address: IpAddr) -> bool {
    let octets = match address {
        IpAddr::V4(v4) => v4.octets().to_vec(),
        IpAddr::V6(v6) => v6.octets().to_vec(),
    };
    let Ok((_, cert)) = X509Certificate::from_der(der) else { return false };
    let Ok(Some(alternatives)) = cert.subject_alternative_name() else { return false };
    let is_it = |name: &GeneralName<'_>| matches!(name, GeneralName::IPAddress(found) if *found == octets);
    alternatives.value.general_names.iter().any(is_it)
}

/// Whether it is valid at this time, in seconds of Unix time.
pub fn is_valid_at(der: &[u8], unix: i64) -> bool {
    let Ok((_, cert)) = X509Certificate::from_der(der) else { return false };
    ASN1Time::from_timestamp(unix).is_ok_and(|now| cert.validity().is_valid_at(now))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_matched_by_label() {
        let names = ["www.Example.org".to_owned(), "*.example.net".to_owned(), "192.0.2.1".to_owned()];
        let made = rcgen::generate_simple_self_signed(names).expect("a certificate");
        let der: &[u8] = made.cert.der();
        for host in ["www.example.org", "a.example.net"] {
            assert!(is_for_host(der, host), "{host}");
        }
        for host in ["example.org", "example.net", "a.b.example.net", "", ".", "net"] {
            assert!(!is_for_host(der, host), "{host}");
        }
        assert!(is_for_address(der, [192, 0, 2, 1].into()));
        assert!(!is_for_address(der, [192, 0, 2, 2].into()));
        assert!(is_valid_at(der, 1_800_000_000));
        assert!(!is_valid_at(der, 0));
        assert!(dns_names(b"junk").is_empty());
    }
}
