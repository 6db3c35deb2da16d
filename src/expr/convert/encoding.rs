//! Converters between bytes and their writings: base64, hexadecimal, binary and decimal digits.

use base64::Engine;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};

use super::{binary, int, text};
use crate::base::hex;
use crate::base::value::{Type, Value};
use crate::diag::Word;
use crate::expr::{Convert, ConvertFn, args};
use crate::keyword::{Meta, Result, Words};

pub(super) static CONVERTERS: &[Convert] = &[
    Convert::new(
        Meta::new(
            "base64",
            "base64",
            "The bytes in base64, with padding.",
            &[("str(a),base64", "YQ=="), ("str(abc?~~),base64", "YWJjP35+")],
        ),
        Type::Bin,
        Type::Str,
        |_, _| binary(|bytes| Some(Value::string(STANDARD.encode(bytes).into_bytes()))),
    ),
    Convert::new(
        Meta::new(
            "b64dec",
            "b64dec",
            "The bytes that base64 with padding stands for.",
            &[("str(YQ==),b64dec", "a"), ("str(Y*),b64dec", "")],
        ),
        Type::Str,
        Type::Bin,
        |_, _| text(|text| STANDARD.decode(text).ok().map(|bytes| Value::Bin(bytes.into()))),
    ),
    Convert::new(
        Meta::new(
            "ub64enc",
            "ub64enc",
            "The bytes in base64url, without padding.",
            &[("str(abc?~~),ub64enc", "YWJjP35-")],
        ),
        Type::Bin,
        Type::Str,
        |_, _| binary(|bytes| Some(Value::string(URL_SAFE.encode(bytes).into_bytes()))),
    ),
    Convert::new(
        Meta::new(
            "ub64dec",
            "ub64dec",
            "The bytes that base64url stands for.",
            &[("str(YWJjP35-),ub64dec", "abc?~~"), ("str(YQ),ub64dec", "a")],
        ),
        Type::Str,
        Type::Bin,
        |_, _| text(|text| URL_SAFE.decode(text).ok().map(|bytes| Value::Bin(bytes.into()))),
    ),
    Convert::new(
        Meta::new(
            "hex",
            "hex",
            "The bytes in upper-case hexadecimal.",
            &[("str(abc),hex", "616263"), ("bin(0aff),hex", "0AFF")],
        ),
        Type::Bin,
        Type::Str,
        |_, _| binary(|bytes| Some(Value::string(hex::upper_hex(&bytes).into_bytes()))),
    ),
    Convert::new(
        Meta::new(
            "hex2i",
            "hex2i",
            "The number that hexadecimal digits stand for; nothing if they are none.",
            &[("str(616263),hex2i", "6382179"), ("str(ffffffffffffffff),hex2i", "-1"), ("str(zz),hex2i", "")],
        ),
        Type::Str,
        Type::Int,
        |_, _| {
            text(|text| {
                let digits =
                    std::str::from_utf8(&text).ok().filter(|text| text.bytes().all(|byte| byte.is_ascii_hexdigit()))?;
                let number = u64::from_str_radix(digits, 16).or(if digits.is_empty() { Err(()) } else { Ok(u64::MAX) });
                // Sixteen digits fill the sign too.
                number.ok().map(|number| Value::Int(number as i64))
            })
        },
    ),
    Convert::new(
        Meta::new(
            "base2",
            "base2",
            "The bytes as eight binary digits each.",
            &[("bin(01ff),base2", "0000000111111111")],
        ),
        Type::Bin,
        Type::Str,
        |_, _| {
            binary(|bytes| {
                let digits = bytes.iter().flat_map(|byte| (0..8).rev().map(move |bit| b'0' + (byte >> bit & 1)));
                Some(Value::string(digits.collect()))
            })
        },
    ),
    Convert::new(
        Meta::new(
            "be2dec",
            "be2dec(<separator>,<chunk_size>[,<truncate>])",
            "Chunks of up to 8 bytes as decimal numbers, the first byte being the highest; with truncate, a last short chunk is dropped.",
            &[
                ("bin(01020304050607),be2dec(:,2)", "258:772:1286:7"),
                ("bin(01020304050607),be2dec(-,2,1)", "258-772-1286"),
                ("bin(7f000001),be2dec(.,1)", "127.0.0.1"),
            ],
        ),
        Type::Bin,
        Type::Str,
        |words, _| decimal(words, |chunk| chunk.iter().fold(0, |n, byte| n << 8 | u64::from(*byte))),
    ),
    Convert::new(
        Meta::new(
            "le2dec",
            "le2dec(<separator>,<chunk_size>[,<truncate>])",
            "As be2dec, the first byte being the lowest.",
            &[("bin(01020304050607),le2dec(:,2)", "513:1027:1541:7"), ("bin(7f000001),le2dec(.,1)", "127.0.0.1")],
        ),
        Type::Bin,
        Type::Str,
        |words, _| decimal(words, |chunk| chunk.iter().rev().fold(0, |n, byte| n << 8 | u64::from(*byte))),
    ),
    Convert::new(
        Meta::new(
            "be2hex",
            "be2hex([<separator>[,<chunk_size>[,<truncate>]]])",
            "The bytes in hexadecimal, with a separator between chunks; with truncate, a last short chunk is dropped.",
            &[
                ("bin(01020304050607),be2hex", "01020304050607"),
                ("bin(01020304050607),be2hex(:,2)", "0102:0304:0506:07"),
                ("bin(01020304050607),be2hex(--,2,1)", "0102--0304--0506"),
                ("bin(0102030405060708),be2hex(,3,1)", "010203040506"),
            ],
        ),
        Type::Bin,
        Type::Str,
        |words, _| be2hex(words),
    ),
    Convert::new(
        Meta::new(
            "htonl",
            "htonl",
            "The lowest 32 bits of the number as four bytes, the highest first.",
            &[("int(1),htonl,hex", "00000001"), ("int(-1),htonl,hex", "FFFFFFFF")],
        ),
        Type::Int,
        Type::Bin,
        |_, _| int(|n| Value::Bin((n as u32).to_be_bytes().to_vec().into())),
    ),
];

/// What separates chunks, how long they are and whether a short one is dropped.
struct Chunks {
    separator: Vec<u8>,
    size: usize,
    truncate: bool,
}

impl Chunks {
    fn write(&self, bytes: &[u8], mut write: impl FnMut(&[u8], &mut Vec<u8>)) -> Vec<u8> {
        let mut out = Vec::with_capacity(bytes.len() * 3);
        for (at, chunk) in bytes.chunks(self.size).enumerate() {
            if self.truncate && chunk.len() < self.size {
                break;
            }
            if at > 0 {
                out.extend_from_slice(&self.separator);
            }
            write(chunk, &mut out);
        }
        out
    }
}

fn decimal(words: &mut Words<'_>, number: fn(&[u8]) -> u64) -> Result<ConvertFn> {
    let separator = args::word(words, "string")?.as_bytes().to_vec();
    let size = args::int(words)?;
    if !(1..=8).contains(&size) {
        return Err(words.error_last(format!("chunk_size out of [1..8] range ({size})")));
    }
    let truncate = args::opt_int(words)?.is_some_and(|truncate| truncate != 0);
    let chunks = Chunks { separator, size: size as usize, truncate };
    binary(move |bytes| {
        let digits = |chunk: &[u8], out: &mut Vec<u8>| {
            out.extend_from_slice(itoa::Buffer::new().format(number(chunk)).as_bytes());
        };
        Some(Value::string(chunks.write(&bytes, digits)))
    })
}

fn be2hex(words: &mut Words<'_>) -> Result<ConvertFn> {
    let separator = args::opt_word(words).map(Word::as_bytes).unwrap_or_default().to_vec();
    let size = args::opt_int(words)?;
    let truncate = args::opt_int(words)?.is_some_and(|truncate| truncate != 0);
    let size = match size {
        Some(size) if size > 0 => usize::try_from(size).unwrap_or(usize::MAX),
        None if separator.is_empty() && !truncate => 1,
        size => return Err(words.error_last(format!("chunk_size needs to be positive ({})", size.unwrap_or(0)))),
    };
    let chunks = Chunks { separator, size, truncate };
    binary(move |bytes| {
        let digits = |chunk: &[u8], out: &mut Vec<u8>| out.extend(chunk.iter().flat_map(|byte| hex::digits(*byte)));
        Some(Value::string(chunks.write(&bytes, digits)))
    })
}

/// With padding, which must be there; left-over bits are not looked at.
pub(super) const STANDARD: GeneralPurpose =
    GeneralPurpose::new(&alphabet::STANDARD, GeneralPurposeConfig::new().with_decode_allow_trailing_bits(true));
/// Without padding, which may be there.
pub(super) const URL_SAFE: GeneralPurpose = GeneralPurpose::new(
    &alphabet::URL_SAFE,
    GeneralPurposeConfig::new()
        .with_encode_padding(false)
        .with_decode_padding_mode(DecodePaddingMode::Indifferent)
        .with_decode_allow_trailing_bits(true),
);
