//! Collects the findings of one run, so that one bad line never hides the next.

use super::diagnostic::{Diagnostic, Result, Severity};
use std::cell::RefCell;

/// All findings of one load, in the order they were made. Filled through a shared reference.
#[derive(Debug, Default)]
pub struct Diagnostics {
    list: RefCell<Vec<Diagnostic>>,
}

impl Diagnostics {
    pub fn new() -> Diagnostics {
        Diagnostics::default()
    }

    pub fn push(&self, found: Diagnostic) {
        self.list.borrow_mut().push(found);
    }

    /// The same for what many lines come across, such as a default that they share: it is said once.
    pub fn push_once(&self, found: Diagnostic) {
        if !self.list.borrow().contains(&found) {
            self.push(found);
        }
    }

    /// Keeps the error and goes on without the value.
    pub fn ok<T>(&self, result: Result<T>) -> Option<T> {
        result.map_err(|found| self.push(found)).ok()
    }

    /// How many findings have exactly this severity.
    pub fn count(&self, severity: Severity) -> usize {
        self.list.borrow().iter().filter(|found| found.severity == severity).count()
    }

    /// True once the configuration cannot load.
    pub fn has_alerts(&self) -> bool {
        self.count(Severity::Alert) > 0
    }

    pub fn is_empty(&self) -> bool {
        self.list.borrow().is_empty()
    }

    pub fn len(&self) -> usize {
        self.list.borrow().len()
    }

    /// Takes all findings out.
    pub fn take(&self) -> Vec<Diagnostic> {
        self.list.take()
    }

    /// A copy of all findings so far.
    pub fn to_vec(&self) -> Vec<Diagnostic> {
        self.list.borrow().clone()
    }
}

impl Extend<Diagnostic> for Diagnostics {
    fn extend<I: IntoIterator<Item = Diagnostic>>(&mut self, found: I) {
        self.list.get_mut().extend(found);
    }
}

impl IntoIterator for Diagnostics {
    type Item = Diagnostic;
    type IntoIter = std::vec::IntoIter<Diagnostic>;

    fn into_iter(self) -> Self::IntoIter {
        self.list.into_inner().into_iter()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_is_kept_and_the_work_goes_on() {
        let all = Diagnostics::new();
        assert_eq!(all.ok(Err::<u8, _>(Diagnostic::warning("w", "careful"))), None);
        assert!(!all.has_alerts());
        assert_eq!(all.ok(Ok(3)), Some(3));
        all.push(Diagnostic::alert("a", "bad"));
        assert!(all.has_alerts());
        assert_eq!(all.take().len(), 2);
        assert!(all.is_empty());
    }
}
