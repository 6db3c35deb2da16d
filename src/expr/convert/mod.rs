//! Converters (manual 7.3.1), one file per family.

use super::Convert;

/// Every table of converters.
pub static FAMILIES: &[&[Convert]] = &[];

/// The converter of that name.
pub fn find(name: &str) -> Option<&'static Convert> {
    all().find(|convert| convert.meta.name == name)
}

/// Every converter.
pub fn all() -> impl Iterator<Item = &'static Convert> {
    FAMILIES.iter().flat_map(|family| family.iter())
}
