//! `global`: limits of compression (manual 3.2).

use super::GlobalDraft;
use crate::keyword::{Meta, Sections, Setting};
use crate::lower::values::integer;

macro_rules! entry {
    ($name:literal, $doc:literal, $example:expr, $apply:expr) => {
        Setting {
            meta: Meta::new($name, concat!($name, " <number>"), $doc, &[$example]),
            sections: Sections::GLOBAL,
            apply: $apply,
        }
    };
}

pub(super) static SETTINGS: &[Setting<GlobalDraft>] = &[
    entry!(
        "maxcomprate",
        "Bounds what is given to compressors, in kilobytes per second of the whole process; 0 is the default and means no bound. \
         Beyond it streams that begin are not compressed, others less.",
        ("maxcomprate 100", "maxcomprate 102400"),
        |words, draft, _| {
            draft.out.compression_rate = integer(words, 0, u32::MAX >> 10)? << 10;
            Ok(())
        }
    ),
    entry!(
        "maxcompcpuusage",
        "Does not compress responses that begin while a thread is busier than so many percent. The default is 100.",
        ("maxcompcpuusage 80", "maxcompcpuusage 80"),
        |words, draft, _| {
            draft.out.compression_cpu = integer(words, 0, 100)?;
            Ok(())
        }
    ),
    entry!(
        "maxzlibmem",
        "Bounds the memory of compressors, in megabytes. Beyond it streams that begin are not compressed.",
        ("maxzlibmem 64", "maxzlibmem 67108864"),
        |words, draft, _| {
            draft.out.compression_memory = integer::<u64>(words, 0, 1 << 32)? << 20;
            Ok(())
        }
    ),
    entry!(
        "tune.comp.maxlevel",
        "Sets how hard compressors try, from 1 to 9. The default is 1.",
        ("tune.comp.maxlevel 6", "tune.comp.maxlevel 6"),
        |words, draft, _| {
            draft.out.compression_level = integer(words, 1, 9)?;
            Ok(())
        }
    ),
    entry!(
        "tune.zlib.windowsize",
        "Sets how far compressors look back, as the logarithm of bytes from 8 to 15. The default is 15; 8 is taken as 9.",
        ("tune.zlib.windowsize 12", "tune.zlib.windowsize 12"),
        |words, draft, _| {
            draft.out.compression_window = integer::<u8>(words, 8, 15)?.max(9);
            Ok(())
        }
    ),
];
