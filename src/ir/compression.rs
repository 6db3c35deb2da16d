//! `compression` of a proxy (manual 4.2, 9.2): what is compressed, and how.

use std::fmt;

/// What a proxy compresses. Of a frontend and a backend the backend's lists count, the frontend's where those are empty.
#[derive(Debug, Default)]
pub struct Compression {
    /// `algo`, `algo-res`, in the order of the file.
    pub codings: Vec<Coding>,
    /// `algo-req`
    pub request_coding: Option<Coding>,
    /// `type`, `type-res`: how a `Content-Type` may begin. None means any type.
    pub types: Vec<Box<[u8]>>,
    /// `type-req`
    pub request_types: Vec<Box<[u8]>>,
    /// `minsize-res`
    pub min_size: u64,
    /// `minsize-req`
    pub request_min_size: u64,
    /// `offload`: servers are not told what the client accepts.
    pub offload: bool,
    /// Responses are compressed.
    pub responses: bool,
    /// Requests are compressed.
    pub requests: bool,
}

/// `compression algo`
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Coding {
    /// `identity`: nothing changes but the framing.
    Identity,
    /// `gzip` (RFC 1952)
    Gzip,
    /// `deflate`: in a zlib frame (RFC 1950), as the content coding is defined.
    Deflate,
    /// `raw-deflate` (RFC 1951), which some clients expect of `deflate`.
    RawDeflate,
}

impl Coding {
    /// All of them.
    pub const ALL: [Coding; 4] = [Coding::Identity, Coding::Gzip, Coding::Deflate, Coding::RawDeflate];

    /// As written in a configuration.
    pub fn name(self) -> &'static str {
        match self {
            Coding::Identity => "identity",
            Coding::Gzip => "gzip",
            Coding::Deflate => "deflate",
            Coding::RawDeflate => "raw-deflate",
        }
    }

    /// As clients name it (RFC 9110, 8.4.1).
    pub fn token(self) -> &'static str {
        match self {
            Coding::RawDeflate => "deflate",
            other => other.name(),
        }
    }
}

impl fmt::Display for Compression {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("compression")?;
        let names = self.codings.iter().map(|coding| coding.name().as_bytes());
        f.write_str(if self.codings.is_empty() { " -" } else { "" })?;
        for word in names.chain(self.types.iter().map(|name| &**name)) {
            write!(f, " {}", word.escape_ascii())?;
        }
        if self.min_size > 0 {
            write!(f, " minsize {}", self.min_size)?;
        }
        if self.offload {
            f.write_str(" offload")?;
        }
        if !self.responses {
            f.write_str(" no responses")?;
        }
        if self.requests {
            f.write_str(" requests")?;
        }
        for word in self.request_coding.iter().map(|coding| coding.name().as_bytes()) {
            write!(f, " request {}", word.escape_ascii())?;
        }
        for word in &self.request_types {
            write!(f, " request {}", word.escape_ascii())?;
        }
        if self.request_min_size > 0 {
            write!(f, " request minsize {}", self.request_min_size)?;
        }
        Ok(())
    }
}
