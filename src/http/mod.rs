//! The HTTP message model and the HTTP/1 codec; no I/O, no clock.
//!
//! A `Head` indexes bytes that stay in the receive buffer; `Msg` reads it, `MsgMut` edits it (new text goes to the head's
//! arena). Bytes are read and written by the parser, the serializer and the chunk decoder, which know nothing of sockets.

pub mod date;
mod edit;
mod head;
pub mod list;
mod method;
mod msg;
mod name;
mod slice;
pub mod status;
pub mod uri;

pub use edit::MsgMut;
pub use head::{Field, FieldFlags, Framing, Head, HeadFlags, Kind};
pub use method::{Method, Version};
pub use msg::{FieldRef, Msg, nth};
pub use name::{HeaderId, HeaderName};
pub use slice::Slice;
