//! Sample fetches (manual 7.3), one file per family, each with its table on top.
//!
//! Here stand the list of families, the lookup, and the few shapes that the closures of most fetches have.

mod constant;

use super::{Ctx, Fetch, FetchFn, Seen};
use crate::base::value::Value;

/// Every table of fetches.
pub static FAMILIES: &[&[Fetch]] = &[constant::FETCHES];

/// The fetch of that name.
pub fn find(name: &str) -> Option<&'static Fetch> {
    all().find(|fetch| fetch.meta.name == name)
}

/// Every fetch.
pub fn all() -> impl Iterator<Item = &'static Fetch> {
    FAMILIES.iter().flat_map(|family| family.iter())
}

/// A fetch that yields at most one value.
fn one<F>(fetch: F) -> FetchFn
where
    F: for<'a, 'c> Fn(&'a Ctx<'c>) -> Option<Value<'a>> + Send + Sync + 'static,
{
    Box::new(move |ctx, _, visit| {
        if let Some(value) = fetch(ctx) {
            visit(value);
        }
        Seen::All
    })
}

/// A fetch that yields always the same value.
fn always(value: Value<'static>) -> FetchFn {
    Box::new(move |_, _, visit| {
        visit(value.borrowed());
        Seen::All
    })
}
