//! The lists of patterns that a section declares, noted while they are bound: the runtime socket shows and changes them
//! (management.txt 9.3 `show acl`, `show map`), and so do rules (manual 4.4 `set-map`).

use std::convert::Infallible;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use crate::diag::Span;
use crate::keyword::Scope;
use crate::state::patterns::{Member, PatternRef};

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

/// A list that a rule changes, by the name of its file. It is known once all sections are bound.
pub struct Edited {
    /// The file.
    pub path: Box<str>,
    /// A map, not a list of an ACL.
    pub is_map: bool,
    /// Where.
    pub span: Span,
    /// Where the rule looks for the list.
    pub list: Arc<OnceLock<Arc<PatternRef>>>,
}

/// What sections declare and change, in order.
#[derive(Default)]
pub struct Noted {
    /// The lists.
    pub declared: Vec<Declared>,
    /// Who changes them.
    pub edited: Vec<Edited>,
}

impl Noted {
    /// Adds what another section notes.
    pub fn extend(&mut self, other: Noted) {
        self.declared.extend(other.declared);
        self.edited.extend(other.edited);
    }
}

/// The lists of one section.
#[derive(Default)]
pub struct Lists {
    noted: Mutex<Noted>,
}

impl Lists {
    /// Takes what has been noted in a section.
    pub fn take(scope: &Scope<'_>) -> Noted {
        std::mem::take(&mut *Lists::of(scope).noted.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// The place of a list that a rule of the section changes.
    pub fn edit(scope: &Scope<'_>, path: &str, is_map: bool, span: Span) -> Arc<OnceLock<Arc<PatternRef>>> {
        let path = path.strip_prefix("file@").or(path.strip_prefix("opt@")).unwrap_or(path);
        let list = Arc::<OnceLock<_>>::default();
        let edited = Edited { path: path.into(), is_map, span, list: list.clone() };
        Lists::of(scope).noted.lock().unwrap_or_else(PoisonError::into_inner).edited.push(edited);
        list
    }

    pub(super) fn note(scope: &Scope<'_>, declared: Declared) {
        Lists::of(scope).noted.lock().unwrap_or_else(PoisonError::into_inner).declared.push(declared);
    }

    fn of(scope: &Scope<'_>) -> Arc<Lists> {
        let Ok(lists) = scope.intern("", || Ok::<_, Infallible>(Lists::default()));
        lists
    }
}
