//! The nesting of `.if` blocks (manual 2.4): which lines count. Evaluating conditions is `condition`'s business.

use crate::diag::{Diagnostic, Lead, Span};

/// The open blocks of one file.
#[derive(Debug, Default)]
pub(super) struct Blocks {
    open: Vec<Block>,
}

#[derive(Debug)]
struct Block {
    branch: Branch,
    /// `.else` was seen.
    last: bool,
    /// Where `.if` stands.
    opened: Span,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Branch {
    /// The lines of this branch count.
    Active,
    /// No branch counted yet, one may follow.
    Waiting,
    /// A branch counted already, the block is inside lines that do not count, or its condition is broken.
    Done,
}

/// What a condition says: its value, or that it cannot be evaluated. A broken condition disables all branches behind it,
/// since neither of them can be known to be meant.
pub(super) type Verdict = Option<bool>;

impl Blocks {
    /// Whether lines at this place count.
    pub(super) fn active(&self) -> bool {
        self.open.last().is_none_or(|block| block.branch == Branch::Active)
    }

    /// `.if`; the condition is evaluated only where it matters.
    pub(super) fn begin(&mut self, at: Span, condition: impl FnOnce() -> Verdict) {
        let branch = if self.active() { Branch::of(condition()) } else { Branch::Done };
        self.open.push(Block { branch, last: false, opened: at });
    }

    /// `.elif`.
    pub(super) fn alternative(&mut self, at: Span, condition: impl FnOnce() -> Verdict) -> Result<(), Diagnostic> {
        let block = self.middle(at, ".elif")?;
        block.branch = match block.branch {
            Branch::Waiting => Branch::of(condition()),
            Branch::Active | Branch::Done => Branch::Done,
        };
        Ok(())
    }

    /// `.else`.
    pub(super) fn otherwise(&mut self, at: Span) -> Result<(), Diagnostic> {
        let block = self.middle(at, ".else")?;
        block.last = true;
        block.branch = match block.branch {
            Branch::Waiting => Branch::Active,
            Branch::Active | Branch::Done => Branch::Done,
        };
        Ok(())
    }

    /// `.endif`.
    pub(super) fn end(&mut self, at: Span) -> Result<(), Diagnostic> {
        self.open.pop().map(drop).ok_or_else(|| lone(at, ".endif"))
    }

    /// At the end of a file: one finding for each block that is still open. HAProxy names the last line.
    pub(super) fn finish(self, last_line: Span) -> impl Iterator<Item = Diagnostic> {
        self.open.into_iter().map(move |block| {
            Diagnostic::alert("unterminated-if", "non-terminated '.if' block.")
                .lead(Lead::ParsingTight)
                .at(last_line)
                .label("the file ends here")
                .place(block.opened, "this block needs an '.endif'")
        })
    }

    /// The innermost block, unless its `.else` was already there.
    fn middle(&mut self, at: Span, directive: &str) -> Result<&mut Block, Diagnostic> {
        match self.open.last_mut() {
            None => Err(lone(at, directive)),
            Some(block) if block.last => {
                Err(Diagnostic::alert("misplaced-else", format!("'{directive}' after '.else' is not permitted."))
                    .lead(Lead::ParsingTight)
                    .at(at)
                    .place(block.opened, "the block starts here")
                    .help("'.else' is the last branch of a block; nest another '.if' within it"))
            }
            Some(block) => Ok(block),
        }
    }
}

impl Branch {
    fn of(verdict: Verdict) -> Branch {
        match verdict {
            Some(true) => Branch::Active,
            Some(false) => Branch::Waiting,
            None => Branch::Done,
        }
    }
}

fn lone(at: Span, directive: &str) -> Diagnostic {
    Diagnostic::alert("lone-directive", format!("lone '{directive}' with no matching '.if'."))
        .lead(Lead::ParsingTight)
        .at(at)
}
