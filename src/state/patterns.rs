//! Lists of patterns that have a name and change at run time (manual 2.7): the files of `acl ... -f`.

use std::sync::Arc;

use arc_swap::{ArcSwap, Guard};

use crate::pattern::PatternSet;

/// A named list; empty until its file has been read.
pub struct PatternList<V: 'static> {
    name: Box<str>,
    set: ArcSwap<PatternSet<V>>,
}

impl<V: 'static> PatternList<V> {
    /// A list with that name, by which the runtime commands know it.
    pub fn new(name: &str, set: PatternSet<V>) -> Self {
        PatternList { name: name.into(), set: ArcSwap::from_pointee(set) }
    }

    /// The name: a path, or an identifier that begins with `virt@`.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The patterns as they are now.
    #[inline]
    pub fn current(&self) -> Guard<Arc<PatternSet<V>>> {
        self.set.load()
    }

    /// Replaces all patterns at once; who is searching sees the old ones or the new ones.
    pub fn replace(&self, set: PatternSet<V>) {
        self.set.store(Arc::new(set));
    }
}
