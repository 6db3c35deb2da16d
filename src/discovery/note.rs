//! What discovery has to say to the user.

use std::fmt;

/// A finding about a variable of the proxy or of a service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Note {
    /// Something is left out; otherwise it is only worth knowing.
    pub error: bool,
    pub text: String,
}

impl Note {
    pub fn warning(text: impl Into<String>) -> Note {
        Note { error: false, text: text.into() }
    }

    pub fn error(text: impl Into<String>) -> Note {
        Note { error: true, text: text.into() }
    }
}

impl fmt::Display for Note {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}
