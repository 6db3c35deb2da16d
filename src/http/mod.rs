//! The HTTP message model and the HTTP/1 codec; no I/O, no clock.
//!
//! A `Head` indexes bytes that stay in the receive buffer; `Msg` reads it, `MsgMut` edits it (new text goes to the head's
//! arena). Bytes are read and written by the parser, the serializer and the chunk decoder, which know nothing of sockets.

mod chunk;
mod cookie;
pub mod date;
mod edit;
mod head;
pub mod list;
mod method;
mod msg;
mod name;
mod normalize;
mod parse;
mod slice;
pub mod status;
pub mod uri;
mod write;

pub use chunk::{CHUNK_END, ChunkDecoder, ChunkError, ChunkHeader, ChunkPass, ChunkStep, LAST_CHUNK};
pub use cookie::CookieEdit;
pub use edit::MsgMut;
pub use head::{Field, FieldFlags, Framing, Head, HeadFlags, Kind};
pub use method::{Method, Version};
pub use msg::{FieldRef, Msg, nth};
pub use name::{HeaderId, HeaderName};
pub use normalize::{Invalid, Normalizer, normalize};
pub use parse::{
    Answering, ErrorKind, ParseError, ParseOptions, Parsed, parse_request, parse_response, parse_trailers,
};
pub use slice::Slice;
pub use write::{Out, OutOptions, Sent, write_request, write_response, write_trailers};
