//! Converters of JSON Web Tokens in compact form (manual 7.3.1, RFC 7515 and 7518): parts of a token, and whether its signature is right.
//!
//! Signatures are checked by aws-lc; public keys are read with the configuration and known by their paths.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use aws_lc_rs::signature::{self, UnparsedPublicKey, VerificationAlgorithm};
use base64::Engine;

use super::encoding::{STANDARD, URL_SAFE};
use super::{digest, json};
use crate::base::value::{Type, Value};
use crate::diag::Word;
use crate::expr::{Convert, ConvertFn, Ctx, args};
use crate::keyword::{FileRef, Meta, Result, Scope, VarSlot, Words};

pub(super) static CONVERTERS: &[Convert] = &[
    Convert::new(
        Meta::new(
            "jwt_header_query",
            "jwt_header_query([<json_path>[,<output_type>]])",
            "The decoded header of a token, or what `json_query` finds in it.",
            &[
                ("str(eyJhbGciOiJIUzI1NiJ9.eyJhIjoxfQ.x),jwt_header_query($.alg)", "HS256"),
                ("str(eyJhbGciOiJIUzI1NiJ9.eyJhIjoxfQ.x),jwt_header_query", "{\"alg\":\"HS256\"}"),
                ("str(abc),jwt_header_query", ""),
            ],
        ),
        Type::Bin,
        Type::Any,
        |words, _| query(words, 0),
    ),
    Convert::new(
        Meta::new(
            "jwt_payload_query",
            "jwt_payload_query([<json_path>[,<output_type>]])",
            "The decoded payload of a signed token, or what `json_query` finds in it.",
            &[("str(eyJhbGciOiJIUzI1NiJ9.eyJhIjoxfQ.x),jwt_payload_query($.a,int)", "1")],
        ),
        Type::Bin,
        Type::Any,
        |words, _| query(words, 1),
    ),
    Convert::new(
        Meta::new(
            "jwt_verify",
            "jwt_verify(<alg>,<key>)",
            "Checks the signature of a token: 1 if it is right, 0 if it is not, less for an error. The algorithm is HS256 to HS512 with a \
             secret, RS256 to RS512, PS256 to PS512 or ES256 to ES512 with the path of a public key in PEM form, or none; it and the key \
             may be variables. RSA keys have 2048 to 8192 bits.",
            &[
                (
                    "str(eyJhbGciOiJIUzI1NiJ9.eyJhIjoxfQ.3-HrxbsEkCkRpRx9Ww8gXDIXsgeLJ8NiMXUTkwkzYyQ),jwt_verify(HS256,other)",
                    "0",
                ),
                ("str(eyJhbGciOiJub25lIn0.eyJhIjoxfQ.),jwt_verify(none,x)", "1"),
                ("str(abc),jwt_verify(HS256,secret)", "-3"),
            ],
        ),
        Type::Bin,
        Type::Int,
        verify,
    ),
];

/// The three parts of a signed token.
fn parts(token: &[u8]) -> Option<[&[u8]; 3]> {
    let mut parts = token.split(|byte| *byte == b'.');
    let found = [parts.next()?, parts.next()?, parts.next()?];
    parts.next().is_none().then_some(found)
}

fn query(words: &mut Words<'_>, part: usize) -> Result<ConvertFn> {
    let path = if words.is_empty() { None } else { Some(json::json_query(words)?) };
    Ok(Box::new(move |ctx, value| {
        let Value::Bin(token) = value else { return None };
        let count = token.iter().filter(|byte| **byte == b'.').count();
        // Encrypted tokens have five parts, of which the header can be read.
        if count != 2 && (count != 4 || part > 0) {
            return None;
        }
        let text = URL_SAFE.decode(token.split(|byte| *byte == b'.').nth(part)?).ok()?;
        match &path {
            None => Some(Value::string(text)),
            Some(path) => path(ctx, Value::string(text)),
        }
    }))
}

/// How a token is signed.
#[derive(Clone, Copy)]
enum Algorithm {
    None,
    /// With a secret, by the name of the digest.
    Mac(digest::Algorithm),
    /// With a key pair.
    Pair(&'static (dyn VerificationAlgorithm + Sync)),
}

impl Algorithm {
    fn of(name: &[u8]) -> Option<Algorithm> {
        let mac = |name: &str| digest::Algorithm::of(name).map(Algorithm::Mac);
        Some(match name {
            b"none" => Algorithm::None,
            b"HS256" => return mac("sha256"),
            b"HS384" => return mac("sha384"),
            b"HS512" => return mac("sha512"),
            b"RS256" => Algorithm::Pair(&signature::RSA_PKCS1_2048_8192_SHA256),
            b"RS384" => Algorithm::Pair(&signature::RSA_PKCS1_2048_8192_SHA384),
            b"RS512" => Algorithm::Pair(&signature::RSA_PKCS1_2048_8192_SHA512),
            b"PS256" => Algorithm::Pair(&signature::RSA_PSS_2048_8192_SHA256),
            b"PS384" => Algorithm::Pair(&signature::RSA_PSS_2048_8192_SHA384),
            b"PS512" => Algorithm::Pair(&signature::RSA_PSS_2048_8192_SHA512),
            b"ES256" => Algorithm::Pair(&signature::ECDSA_P256_SHA256_FIXED),
            b"ES384" => Algorithm::Pair(&signature::ECDSA_P384_SHA384_FIXED),
            b"ES512" => Algorithm::Pair(&signature::ECDSA_P521_SHA512_FIXED),
            _ => return None,
        })
    }
}

/// An argument that is a text or a variable.
enum Argument {
    Text(Box<[u8]>),
    Variable(VarSlot),
}

impl Argument {
    /// What begins like a variable's name is one.
    fn bind(word: &Word, scope: &Scope<'_>) -> Argument {
        match args::variable_of(word, scope) {
            Ok(var) => Argument::Variable(var),
            Err(_) => Argument::Text(word.as_bytes().into()),
        }
    }

    fn with<R>(&self, ctx: &Ctx<'_>, use_it: impl FnOnce(&[u8]) -> R) -> Option<R> {
        match self {
            Argument::Text(text) => Some(use_it(text)),
            Argument::Variable(var) => {
                let mut text = Vec::new();
                ctx.variable(*var)?.write_to(&mut text);
                Some(use_it(&text))
            }
        }
    }
}

/// The public keys of a configuration, in DER form, by the paths of their files.
#[derive(Default)]
struct Keys(Mutex<ByPath>);

type ByPath = HashMap<Box<[u8]>, Arc<[u8]>>;

impl Keys {
    fn of(scope: &Scope<'_>) -> Arc<Keys> {
        // Making them cannot fail.
        scope.intern("public keys of tokens", || Ok::<_, ()>(Keys::default())).unwrap_or_default()
    }

    fn key(&self, path: &[u8]) -> Option<Arc<[u8]>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).get(path).cloned()
    }

    fn add(&self, path: &[u8], key: Arc<[u8]>) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(path.into(), key);
    }
}

/// The content of `BEGIN PUBLIC KEY` or `BEGIN RSA PUBLIC KEY`.
fn public_key(pem: &[u8]) -> std::result::Result<Arc<[u8]>, String> {
    let pem = String::from_utf8_lossy(pem);
    let mut lines = pem.lines().map(str::trim).skip_while(|line| !line.starts_with("-----BEGIN "));
    if !lines.next().is_some_and(|line| line.ends_with(" PUBLIC KEY-----")) {
        return Err("expected a public key in PEM form (BEGIN PUBLIC KEY or BEGIN RSA PUBLIC KEY)".to_owned());
    }
    let text: String = lines.take_while(|line| !line.starts_with("-----")).collect();
    STANDARD.decode(text).map(Arc::from).map_err(|error| format!("the public key is damaged: {error}"))
}

fn verify(words: &mut Words<'_>, scope: &Scope<'_>) -> Result<ConvertFn> {
    let name = args::word(words, "string")?;
    let algorithm = Argument::bind(name, scope);
    let fixed = Algorithm::of(name.as_bytes());
    if let (Argument::Text(_), None) = (&algorithm, fixed) {
        return Err(args::error(name.span, format!("unknown JWT algorithm: {}", name.as_str())));
    }
    let word = args::word(words, "string")?;
    let key = Argument::bind(word, scope);
    let keys = Keys::of(scope);
    if let (Argument::Text(path), Some(Algorithm::Pair(_))) = (&key, fixed) {
        let (keys, path) = (keys.clone(), path.clone());
        let load = Box::new(move |bytes: &[u8], _: &dyn crate::keyword::Hosts| {
            public_key(bytes).map(|key| keys.add(&path, key))
        });
        let file = FileRef { path: Some(word.as_str().to_owned()), span: word.span, optional: false, load };
        scope.files.borrow_mut().push(file);
    }
    Ok(Box::new(move |ctx, value| {
        let Value::Bin(token) = value else { return None };
        let algorithm = match fixed {
            Some(algorithm) => Some(algorithm),
            None => algorithm.with(ctx, Algorithm::of)?,
        };
        let Some(algorithm) = algorithm else { return Some(Value::Int(UNKNOWN_ALGORITHM)) };
        let result = key.with(ctx, |key| check(&token, algorithm, key, &keys))?;
        Some(Value::Int(result))
    }))
}

const RIGHT: i64 = 1;
const WRONG: i64 = 0;
const UNKNOWN_ALGORITHM: i64 = -1;
const INVALID_TOKEN: i64 = -3;
const UNKNOWN_KEY: i64 = -5;

fn check(token: &[u8], algorithm: Algorithm, key: &[u8], keys: &Keys) -> i64 {
    let Some([header, payload, signature]) = parts(token) else { return INVALID_TOKEN };
    let Some(signed) = token.get(..header.len() + 1 + payload.len()) else { return INVALID_TOKEN };
    let is_right = match algorithm {
        Algorithm::None => signature.is_empty(),
        _ if signature.is_empty() => return INVALID_TOKEN,
        Algorithm::Mac(digest) => {
            let Ok(signature) = URL_SAFE.decode(signature) else { return INVALID_TOKEN };
            aws_lc_rs::constant_time::verify_slices_are_equal(&digest.authenticate(key, signed), &signature).is_ok()
        }
        Algorithm::Pair(algorithm) => {
            let Ok(signature) = URL_SAFE.decode(signature) else { return INVALID_TOKEN };
            let Some(key) = keys.key(key) else { return UNKNOWN_KEY };
            UnparsedPublicKey::new(algorithm, &key).verify(signed, &signature).is_ok()
        }
    };
    if is_right { RIGHT } else { WRONG }
}
