//! The lists of patterns that a section declares, noted while they are bound: the runtime socket shows and changes them
//! (management.txt 9.3 `show acl`, `show map`).

use std::convert::Infallible;
use std::sync::{Arc, Mutex, PoisonError};

use crate::diag::Span;
use crate::keyword::Scope;
use crate::state::patterns::Member;

/// A list and who uses it.
pub struct Declared {
    /// The file, or the name of a list without one; none for the patterns of an ACL's own line.
    pub path: Option<Box<str>>,
    /// `-u`
    pub id: Option<u32>,
    /// The ACL's keyword; none for a map.
    pub keyword: Option<Box<str>>,
    /// Where.
    pub span: Span,
    /// The patterns.
    pub member: Member,
}

/// The lists of one section, in order of declaration.
#[derive(Default)]
pub struct Lists {
    declared: Mutex<Vec<Declared>>,
}

impl Lists {
    /// Takes what has been noted in a section.
    pub fn take(scope: &Scope<'_>) -> Vec<Declared> {
        let lists = Lists::of(scope);
        std::mem::take(&mut *lists.declared.lock().unwrap_or_else(PoisonError::into_inner))
    }

    pub(super) fn note(scope: &Scope<'_>, declared: Declared) {
        Lists::of(scope).declared.lock().unwrap_or_else(PoisonError::into_inner).push(declared);
    }

    fn of(scope: &Scope<'_>) -> Arc<Lists> {
        let Ok(lists) = scope.intern("", || Ok::<_, Infallible>(Lists::default()));
        lists
    }
}
