//! Converters that make message digests and authentication codes. The algorithms are those of the TLS library, and MD5.

use aws_lc_rs::digest;
use base64::Engine;
use md5::Digest as _;

use super::binary;
use crate::base::value::{Type, Value};
use crate::diag::Word;
use crate::expr::{Convert, ConvertFn, Ctx, args};
use crate::keyword::{Meta, Result, Scope, VarSlot, Words};

pub(super) static CONVERTERS: &[Convert] = &[
    Convert::new(
        Meta::new(
            "sha1",
            "sha1",
            "The SHA-1 digest: 20 bytes.",
            &[("str(abc),sha1,hex", "A9993E364706816ABA3E25717850C26C9CD0D89D")],
        ),
        Type::Bin,
        Type::Bin,
        |_, _| binary(|bytes| Some(bin(sha1(&bytes)))),
    ),
    Convert::new(
        Meta::new(
            "sha2",
            "sha2([<bits>])",
            "The digest of the SHA-2 family with 224, 256 (default), 384 or 512 bits.",
            &[
                ("str(abc),sha2,hex", "BA7816BF8F01CFEA414140DE5DAE2223B00361A396177A9CB410FF61F20015AD"),
                ("str(abc),sha2(224),hex", "23097D223405D8228642A477BDA255B32AADBCE4BDA0B3F7E36C9DA7"),
            ],
        ),
        Type::Bin,
        Type::Bin,
        |words, _| {
            let bits = args::opt_int(words)?.unwrap_or(256);
            let name = format!("sha{bits}");
            match Algorithm::of(&name) {
                Some(algorithm) if matches!(bits, 224 | 256 | 384 | 512) => {
                    binary(move |bytes| Some(bin(algorithm.of_parts(&[&bytes]))))
                }
                _ => Err(words.error_last(format!("Unsupported number of bits: '{bits}'"))),
            }
        },
    ),
    Convert::new(
        Meta::new(
            "digest",
            "digest(<algorithm>)",
            "The digest by the algorithm of that OpenSSL name: md5, sha1, sha224, sha256, sha384, sha512, sha512-256, sha3-256, sha3-384, \
             sha3-512.",
            &[
                ("str(abc),digest(md5),hex", "900150983CD24FB0D6963F7D28E17F72"),
                ("str(abc),digest(sha512-256),hex", "53048E2681941EF99B2E29B76B4C7DABE4C2D0C634FC6D46E0E2F13107E7AF23"),
            ],
        ),
        Type::Bin,
        Type::Bin,
        |words, _| {
            let algorithm = algorithm(words)?;
            binary(move |bytes| Some(bin(algorithm.of_parts(&[&bytes]))))
        },
    ),
    Convert::new(
        Meta::new(
            "hmac",
            "hmac(<algorithm>,<key>)",
            "The authentication code (RFC 2104) by the algorithm of that name; the key is base64 or a variable that holds base64.",
            &[
                ("str(abc),hmac(sha256,a2V5),hex", "9C196E32DC0175F86F4B1CB89289D6619DE6BEE699E4C378E68309ED97A1A6AB"),
                ("str(abc),hmac(sha1,a2V5),hex", "4FD0B215276EF12F2B3E4C8ECAC2811498B656FC"),
                ("str(abc),hmac(md5,a2V5),hex", "D2FE98063F876B03193AFB49B4979591"),
            ],
        ),
        Type::Bin,
        Type::Bin,
        hmac,
    ),
];

/// A digest algorithm and the block size that authentication codes need.
#[derive(Clone, Copy)]
pub(super) struct Algorithm {
    block: usize,
    kind: Kind,
}

#[derive(Clone, Copy)]
enum Kind {
    Aws(&'static digest::Algorithm),
    Md5,
}

impl Algorithm {
    pub(super) fn of(name: &str) -> Option<Algorithm> {
        let kind = match name.to_ascii_lowercase().as_str() {
            "md5" => Kind::Md5,
            "sha1" => Kind::Aws(&digest::SHA1_FOR_LEGACY_USE_ONLY),
            "sha224" => Kind::Aws(&digest::SHA224),
            "sha256" => Kind::Aws(&digest::SHA256),
            "sha384" => Kind::Aws(&digest::SHA384),
            "sha512" => Kind::Aws(&digest::SHA512),
            "sha512-256" => Kind::Aws(&digest::SHA512_256),
            "sha3-256" => Kind::Aws(&digest::SHA3_256),
            "sha3-384" => Kind::Aws(&digest::SHA3_384),
            "sha3-512" => Kind::Aws(&digest::SHA3_512),
            _ => return None,
        };
        let block = match kind {
            Kind::Md5 => 64,
            Kind::Aws(algorithm) => algorithm.block_len(),
        };
        Some(Algorithm { block, kind })
    }

    /// The digest of all parts, one behind the other.
    fn of_parts(self, parts: &[&[u8]]) -> Vec<u8> {
        match self.kind {
            Kind::Md5 => {
                let mut md5 = md5::Md5::new();
                parts.iter().for_each(|part| md5.update(part));
                md5.finalize().to_vec()
            }
            Kind::Aws(algorithm) => {
                let mut context = digest::Context::new(algorithm);
                parts.iter().for_each(|part| context.update(part));
                context.finish().as_ref().to_vec()
            }
        }
    }

    /// RFC 2104.
    pub(super) fn authenticate(self, key: &[u8], message: &[u8]) -> Vec<u8> {
        let mut padded = vec![0; self.block];
        let digest;
        let key = if key.len() > self.block {
            digest = self.of_parts(&[key]);
            &digest
        } else {
            key
        };
        padded.iter_mut().zip(key).for_each(|(to, from)| *to = *from);
        let with = |pad: u8| padded.iter().map(|byte| byte ^ pad).collect::<Vec<u8>>();
        let inner = self.of_parts(&[&with(0x36), message]);
        self.of_parts(&[&with(0x5c), &inner])
    }
}

/// Where the key comes from.
enum Key {
    Fixed(Vec<u8>),
    Variable(VarSlot),
}

impl Key {
    fn bind(word: &Word, scope: &Scope<'_>) -> Result<Key> {
        if let Ok(var) = args::variable_of(word, scope) {
            return Ok(Key::Variable(var));
        }
        match BASE64.decode(word.as_bytes()) {
            Ok(key) => Ok(Key::Fixed(key)),
            Err(_) => {
                let why = "argument needs to be base64 encoded, and can either be a string or a variable";
                Err(args::error(word.span, format!("failed to parse key : {why}")))
            }
        }
    }

    fn with<R>(&self, ctx: &Ctx<'_>, use_it: impl FnOnce(&[u8]) -> R) -> Option<R> {
        match self {
            Key::Fixed(key) => Some(use_it(key)),
            Key::Variable(var) => {
                let mut text = Vec::new();
                ctx.variable(*var)?.write_to(&mut text);
                BASE64.decode(text).ok().map(|key| use_it(&key))
            }
        }
    }
}

fn hmac(words: &mut Words<'_>, scope: &Scope<'_>) -> Result<ConvertFn> {
    let algorithm = algorithm(words)?;
    let key = Key::bind(args::word(words, "string")?, scope)?;
    Ok(Box::new(move |ctx, value| match value {
        Value::Bin(bytes) => key.with(ctx, |key| bin(algorithm.authenticate(key, &bytes))),
        _ => None,
    }))
}

fn algorithm(words: &mut Words<'_>) -> Result<Algorithm> {
    let word = args::word(words, "string")?;
    Algorithm::of(word.as_str()).ok_or_else(|| {
        let error = words.error_last("algorithm must be a valid OpenSSL message digest name.");
        Box::new(
            error.help("md5, sha1, sha224, sha256, sha384, sha512, sha512-256 and sha3-256 to sha3-512 are supported"),
        )
    })
}

fn sha1(bytes: &[u8]) -> Vec<u8> {
    digest::digest(&digest::SHA1_FOR_LEGACY_USE_ONLY, bytes).as_ref().to_vec()
}

fn bin(bytes: Vec<u8>) -> Value<'static> {
    Value::Bin(bytes.into())
}

const BASE64: base64::engine::GeneralPurpose = base64::engine::general_purpose::STANDARD;
