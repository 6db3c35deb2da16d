//! Parts of a certificate (RFC 5280) as OpenSSL, and so HAProxy, writes them.

use std::borrow::Cow;
use std::net::IpAddr;

use aws_lc_rs::digest;
use x509_parser::certificate::X509Certificate;
use x509_parser::extensions::GeneralName;
use x509_parser::oid_registry::Oid;
use x509_parser::prelude::FromDer;
use x509_parser::time::ASN1Time;
use x509_parser::x509::{AttributeTypeAndValue, X509Name};

use crate::base::hex;
use crate::base::value::Value;
use crate::http::nth;

/// A part of a certificate.
#[derive(Clone, Copy, Debug)]
pub(super) enum Part {
    Der,
    Serial,
    Sha1,
    Version,
    SignatureAlgorithm,
    KeyAlgorithm,
    NotBefore,
    NotAfter,
    AltNames,
}

/// One of the two names of a certificate.
pub(super) type Which = for<'a> fn(&'a X509Certificate<'a>) -> &'a X509Name<'a>;

pub(super) const SUBJECT: Which = |cert| cert.subject();
pub(super) const ISSUER: Which = |cert| cert.issuer();

impl Part {
    /// Reads the part; nothing if the certificate has none or cannot be read.
    pub fn read(self, der: &[u8]) -> Option<Value<'_>> {
        match self {
            Part::Der => return Some(Value::Bin(der.into())),
            Part::Sha1 => {
                let hash = digest::digest(&digest::SHA1_FOR_LEGACY_USE_ONLY, der);
                return Some(Value::Bin(Cow::Owned(hash.as_ref().to_vec())));
            }
            _ => {}
        }
        let cert = parse(der)?;
        Some(match self {
            Part::Serial => {
                let serial = cert.tbs_certificate.raw_serial();
                // The zero before a set highest bit is of DER, not of the number.
                let serial = if let [0, rest @ ..] = serial
                    && !rest.is_empty()
                {
                    rest
                } else {
                    serial
                };
                Value::Bin(Cow::Owned(serial.to_vec()))
            }
            Part::Version => Value::Int(i64::from(cert.version().0) + 1),
            Part::SignatureAlgorithm => text(object_name(&cert.signature_algorithm.algorithm)),
            Part::KeyAlgorithm => text(object_name(&cert.public_key().algorithm.algorithm)),
            Part::NotBefore => date(cert.validity().not_before)?,
            Part::NotAfter => date(cert.validity().not_after)?,
            _ => alternative_names(&cert)?,
        })
    }
}

/// A whole name: `/C=../CN=..`, or as RFC 2253 writes it, the last entry first.
pub(super) fn name(der: &[u8], which: Which, rfc2253: bool) -> Option<Value<'static>> {
    let cert = parse(der)?;
    let mut out = Vec::with_capacity(128);
    if rfc2253 {
        let entries: Vec<_> = which(&cert).iter_rdn().collect();
        for (at, set) in entries.iter().rev().enumerate() {
            for (nested, attribute) in set.iter().enumerate() {
                if at + nested > 0 {
                    out.push(if nested > 0 { b'+' } else { b',' });
                }
                out.extend_from_slice(object_name(attribute.attr_type()).as_bytes());
                out.push(b'=');
                escape(attribute.attr_value().data, &mut out);
            }
        }
    } else {
        for attribute in which(&cert).iter_attributes() {
            out.push(b'/');
            out.extend_from_slice(object_name(attribute.attr_type()).as_bytes());
            out.push(b'=');
            out.extend_from_slice(attribute.attr_value().data);
        }
    }
    Some(Value::string(out))
}

/// The value of an entry such as `CN` in any case, the nth from the beginning or with a negative number from the end.
pub(super) fn entry(der: &[u8], which: Which, entry: &str, occurrence: i32) -> Option<Value<'static>> {
    let cert = parse(der)?;
    let fits = |attribute: &&AttributeTypeAndValue<'_>| object_name(attribute.attr_type()).eq_ignore_ascii_case(entry);
    let attribute = nth(which(&cert).iter_attributes().filter(fits).collect::<Vec<_>>().into_iter(), occurrence)?;
    Some(Value::string(attribute.attr_value().data.to_vec()))
}

/// The common name of the subject.
pub fn common_name(der: &[u8]) -> Option<Vec<u8>> {
    let cert = parse(der)?;
    let attribute = cert.subject().iter_common_name().next()?;
    Some(attribute.attr_value().data.to_vec())
}

/// What the certificate is signed with, e.g. `RSA-SHA256`.
pub fn signature_algorithm(der: &[u8]) -> Option<Cow<'static, str>> {
    Some(object_name(&parse(der)?.signature_algorithm.algorithm))
}

fn parse(der: &[u8]) -> Option<X509Certificate<'_>> {
    X509Certificate::from_der(der).ok().map(|(_, cert)| cert)
}

fn text(text: Cow<'static, str>) -> Value<'static> {
    Value::string(text.into_owned().into_bytes())
}

/// YYMMDDhhmmssZ, which can name the years up to 2049 as UTCTime and those up to 2099 as HAProxy shortens GeneralizedTime.
fn date(time: ASN1Time) -> Option<Value<'static>> {
    let time = time.to_datetime();
    let year = time.year();
    let text = format!(
        "{:02}{:02}{:02}{:02}{:02}{:02}Z",
        year % 100,
        u8::from(time.month()),
        time.day(),
        time.hour(),
        time.minute(),
        time.second()
    );
    (1950..2100).contains(&year).then(|| Value::string(text.into_bytes()))
}

fn alternative_names(cert: &X509Certificate<'_>) -> Option<Value<'static>> {
    let names = cert.subject_alternative_name().ok()??;
    let texts: Vec<String> = names.value.general_names.iter().map(general_name).collect();
    Some(Value::string(texts.join(", ").into_bytes()))
}

fn general_name(name: &GeneralName<'_>) -> String {
    match name {
        GeneralName::DNSName(name) => format!("DNS:{name}"),
        GeneralName::RFC822Name(name) => format!("email:{name}"),
        GeneralName::URI(uri) => format!("URI:{uri}"),
        GeneralName::IPAddress(bytes) => match (<[u8; 4]>::try_from(*bytes), <[u8; 16]>::try_from(*bytes)) {
            (Ok(v4), _) => format!("IP Address:{}", IpAddr::from(v4)),
            (_, Ok(v6)) => {
                let groups = v6.as_chunks::<2>().0.iter().map(|pair| format!("{:X}", u16::from_be_bytes(*pair)));
                format!("IP Address:{}", groups.collect::<Vec<_>>().join(":"))
            }
            _ => "IP Address:<invalid>".to_owned(),
        },
        GeneralName::DirectoryName(name) => format!("DirName:{name}"),
        GeneralName::RegisteredID(oid) => format!("Registered ID:{}", oid.to_id_string()),
        GeneralName::X400Address(_) => "X400Name:<unsupported>".to_owned(),
        GeneralName::EDIPartyName(_) => "EdiPartyName:<unsupported>".to_owned(),
        _ => "othername:<unsupported>".to_owned(),
    }
}

/// RFC 2253, 2.4, and every byte outside printable ASCII as `\XX`.
fn escape(value: &[u8], out: &mut Vec<u8>) {
    for (at, &byte) in value.iter().enumerate() {
        let is_edge = at == 0 || at + 1 == value.len();
        match byte {
            b',' | b'+' | b'"' | b'\\' | b'<' | b'>' | b';' => out.extend_from_slice(&[b'\\', byte]),
            b' ' if is_edge => out.extend_from_slice(b"\\ "),
            b'#' if at == 0 => out.extend_from_slice(b"\\#"),
            b' '..=b'~' => out.push(byte),
            _ => {
                out.push(b'\\');
                out.extend_from_slice(&hex::digits(byte));
            }
        }
    }
}

/// The short name that OpenSSL gives an object, else its number.
fn object_name(oid: &Oid<'_>) -> Cow<'static, str> {
    let id = oid.to_id_string();
    match NAMES.iter().find(|(known, _)| *known == id) {
        Some((_, name)) => Cow::Borrowed(name),
        None => Cow::Owned(id),
    }
}

const NAMES: &[(&str, &str)] = &[
    ("2.5.4.3", "CN"),
    ("2.5.4.4", "SN"),
    ("2.5.4.5", "serialNumber"),
    ("2.5.4.6", "C"),
    ("2.5.4.7", "L"),
    ("2.5.4.8", "ST"),
    ("2.5.4.9", "street"),
    ("2.5.4.10", "O"),
    ("2.5.4.11", "OU"),
    ("2.5.4.12", "title"),
    ("2.5.4.13", "description"),
    ("2.5.4.15", "businessCategory"),
    ("2.5.4.17", "postalCode"),
    ("2.5.4.41", "name"),
    ("2.5.4.42", "GN"),
    ("2.5.4.43", "initials"),
    ("2.5.4.44", "generationQualifier"),
    ("2.5.4.46", "dnQualifier"),
    ("2.5.4.65", "pseudonym"),
    ("2.5.4.97", "organizationIdentifier"),
    ("0.9.2342.19200300.100.1.1", "UID"),
    ("0.9.2342.19200300.100.1.25", "DC"),
    ("1.2.840.113549.1.9.1", "emailAddress"),
    ("1.2.840.113549.1.9.2", "unstructuredName"),
    ("1.3.6.1.4.1.311.60.2.1.1", "jurisdictionL"),
    ("1.3.6.1.4.1.311.60.2.1.2", "jurisdictionST"),
    ("1.3.6.1.4.1.311.60.2.1.3", "jurisdictionC"),
    ("1.2.840.113549.1.1.1", "rsaEncryption"),
    ("1.2.840.113549.1.1.4", "RSA-MD5"),
    ("1.2.840.113549.1.1.5", "RSA-SHA1"),
    ("1.2.840.113549.1.1.10", "rsassaPss"),
    ("1.2.840.113549.1.1.11", "RSA-SHA256"),
    ("1.2.840.113549.1.1.12", "RSA-SHA384"),
    ("1.2.840.113549.1.1.13", "RSA-SHA512"),
    ("1.2.840.113549.1.1.14", "RSA-SHA224"),
    ("1.2.840.10040.4.1", "dsaEncryption"),
    ("1.2.840.10040.4.3", "DSA-SHA1"),
    ("2.16.840.1.101.3.4.3.2", "dsa_with_SHA256"),
    ("1.2.840.10045.2.1", "id-ecPublicKey"),
    ("1.2.840.10045.4.1", "ecdsa-with-SHA1"),
    ("1.2.840.10045.4.3.1", "ecdsa-with-SHA224"),
    ("1.2.840.10045.4.3.2", "ecdsa-with-SHA256"),
    ("1.2.840.10045.4.3.3", "ecdsa-with-SHA384"),
    ("1.2.840.10045.4.3.4", "ecdsa-with-SHA512"),
    ("1.3.101.112", "ED25519"),
    ("1.3.101.113", "ED448"),
];

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    #[test]
    fn what_is_no_certificate_yields_nothing() {
        assert_eq!(Part::Serial.read(b""), None);
        assert_eq!(Part::Version.read(&[0x30, 0x82, 0xff]), None);
        assert_eq!(name(b"x", SUBJECT, true), None);
    }

    #[test]
    fn special_characters_are_escaped() {
        let mut out = Vec::new();
        escape(b" #a,b\xe9 ", &mut out);
        assert_eq!(out, b"\\ #a\\,b\\E9\\ ");
    }

    /// A certificate for tests, made by OpenSSL; what it yields was asked of HAProxy 2.8.
    pub fn sample() -> Vec<u8> {
        use base64::Engine;
        let text: String = SAMPLE.split_whitespace().collect();
        base64::engine::general_purpose::STANDARD.decode(text).expect("the constant is base64")
    }

    const SAMPLE: &str = "
MIICfjCCAiWgAwIBAgIDAf8CMAoGCCqGSM49BAMCMIGVMQswCQYDVQQGEwJGUjEWMBQGA1UECAwNSWxlIGRlIEZyYW5jZTEXMBUGA1UECgwORX
gvYW1wbGUsIEluYy4xDDAKBgNVBAsMA09wczEMMAoGA1UECwwDV2ViMRswGQYDVQQDDBJjbGllbnQuZXhhbXBsZS5jb20xHDAaBgkqhkiG9w0B
CQEWDWFAZXhhbXBsZS5jb20wIBcNMjYxMTIyMTkyOTEzWhgPMjEyNjEwMjkxOTI5MTNaMIGVMQswCQYDVQQGEwJGUjEWMBQGA1UECAwNSWxlIG
RlIEZyYW5jZTEXMBUGA1UECgwORXgvYW1wbGUsIEluYy4xDDAKBgNVBAsMA09wczEMMAoGA1UECwwDV2ViMRswGQYDVQQDDBJjbGllbnQuZXhh
bXBsZS5jb20xHDAaBgkqhkiG9w0BCQEWDWFAZXhhbXBsZS5jb20wWTATBgcqhkjOPQIBBggqhkjOPQMBBwNCAASmmhq4Xp0hSylX0OsEWaOSbp
rKyUTxfphUnq2AICW+UQN+6QtPcz8ei+Jpg1ZOdiaTeW5E35uBmFUHqKVfdspao2AwXjA9BgNVHREENjA0ghJjbGllbnQuZXhhbXBsZS5jb22H
BMAAAgmGCWh0dHA6Ly94L4ENYUBleGFtcGxlLmNvbTAdBgNVHQ4EFgQUnNV7OKFXo1W3e+XOqEVB+feJPucwCgYIKoZIzj0EAwIDRwAwRAIgE0
dMH4DU6gQxMNSdwyCijESPdi1aeCTTvAHdXMXt/RsCIBXC9MNm0hIiAeMCMn8OTvkSwAUIC49gqpI68Ape/s/D";
}
