//! Why an address is refused, in HAProxy's words. The keyword in front (`'bind' : `) is the caller's part.

use thiserror::Error;

/// `text` is the whole address as written.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum AddressError {
    #[error("'{text}' resolves to an empty address (environment variable missing?)")]
    Empty { text: String },
    #[error("missing port specification in '{text}'")]
    MissingPort { text: String },
    #[error("invalid port '{port}'")]
    InvalidPort { port: String },
    #[error("invalid port range '{range}'")]
    InvalidRange { range: String },
    #[error("invalid character '{found}' in port number '{port}' in '{text}'")]
    InvalidPortCharacter { found: char, port: String, text: String },
    #[error("port specification not permitted here in '{text}'")]
    PortNotPermitted { text: String },
    #[error("port range not permitted here in '{text}'")]
    RangeNotPermitted { text: String },
    #[error("port offset not permitted here in '{text}'")]
    OffsetNotPermitted { text: String },
    #[error("invalid address: '{host}' in '{text}'")]
    InvalidAddress { host: String, text: String },
    #[error("file descriptor '{number}' is not a valid integer in '{text}'")]
    InvalidDescriptor { number: String, text: String },
    #[error("a file descriptor is not acceptable here in '{text}'")]
    DescriptorNotPermitted { text: String },
    #[error("stream-type address not acceptable in '{text}'")]
    StreamNotPermitted { text: String },
    #[error("dgram-type address not acceptable in '{text}'")]
    DatagramNotPermitted { text: String },
    #[error("a log target is not acceptable here in '{text}'")]
    LogTargetNotPermitted { text: String },
    #[error("a host name is not acceptable here in '{text}', an IP address is expected")]
    NameNotPermitted { text: String },
}
