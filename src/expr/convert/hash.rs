//! Converters that hash bytes to numbers: not for security.

use xxhash_rust::{xxh3, xxh32, xxh64};

use super::binary;
use crate::base::hash::{avalanche, crc32, crc32c, djb2, sdbm};
use crate::base::value::{Type, Value};
use crate::expr::{Convert, ConvertFn, args};
use crate::keyword::{Meta, Result, Words};

pub(super) static CONVERTERS: &[Convert] = &[
    hash(
        Meta::new(
            "crc32",
            "crc32([<avalanche>])",
            "CRC-32 as in gzip; with avalanche 1, mixed once more.",
            &[("str(abc),crc32", "891568578"), ("str(abc),crc32(1)", "930845320")],
        ),
        |words, _| mixed(words, crc32),
    ),
    hash(
        Meta::new("crc32c", "crc32c([<avalanche>])", "CRC-32C (RFC 4960).", &[("str(abc),crc32c", "910901175")]),
        |words, _| mixed(words, crc32c),
    ),
    hash(
        Meta::new(
            "djb2",
            "djb2([<avalanche>])",
            "Bernstein's hash; with avalanche 1, mixed once more.",
            &[("str(abc),djb2", "193485963"), ("str(abc),djb2(1)", "2235766107")],
        ),
        |words, _| mixed(words, djb2),
    ),
    hash(
        Meta::new(
            "sdbm",
            "sdbm([<avalanche>])",
            "The hash of the sdbm library; with avalanche 1, mixed once more.",
            &[("str(abc),sdbm", "807794786"), ("str(abc),sdbm(1)", "659243622")],
        ),
        |words, _| mixed(words, sdbm),
    ),
    hash(
        Meta::new(
            "xxh32",
            "xxh32([<seed>])",
            "XXH32 as an unsigned number.",
            &[("str(abc),xxh32", "852579327"), ("str(abc),xxh32(5)", "1562728233")],
        ),
        |words, _| seeded(words, |bytes, seed| i64::from(xxh32::xxh32(bytes, seed as u32))),
    ),
    hash(
        Meta::new(
            "xxh64",
            "xxh64([<seed>])",
            "XXH64 as a signed number.",
            &[("str(abc),xxh64", "4952883123889572249"), ("str(abc),xxh64(5)", "-1753195980308443340")],
        ),
        |words, _| seeded(words, |bytes, seed| xxh64::xxh64(bytes, seed) as i64),
    ),
    hash(
        Meta::new(
            "xxh3",
            "xxh3([<seed>])",
            "The 64-bit variant of XXH3 as a signed number.",
            &[("str(abc),xxh3", "8696274497037089104"), ("str(abc),xxh3(5)", "6167986026487092235")],
        ),
        |words, _| seeded(words, |bytes, seed| xxh3::xxh3_64_with_seed(bytes, seed) as i64),
    ),
];

const fn hash(meta: Meta, bind: crate::expr::BindConvert) -> Convert {
    Convert::new(meta, Type::Bin, Type::Int, bind)
}

fn mixed(words: &mut Words<'_>, hash: fn(&[u8]) -> u32) -> Result<ConvertFn> {
    let mixes = args::opt_int(words)? == Some(1);
    binary(move |bytes| {
        let hash = hash(&bytes);
        Some(Value::Int(i64::from(if mixes { avalanche(hash) } else { hash })))
    })
}

fn seeded(words: &mut Words<'_>, hash: fn(&[u8], u64) -> i64) -> Result<ConvertFn> {
    // A negative seed counts as its bits.
    let seed = args::opt_int(words)?.unwrap_or(0) as u64;
    binary(move |bytes| Some(Value::Int(hash(&bytes, seed))))
}
