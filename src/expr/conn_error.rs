//! What can go wrong with a connection: numbers, names and messages of the manual's list at `fc_err_str` (7.3.3).

/// What is wrong with a connection, to a client or to a server.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(u8)]
pub enum ConnError {
    /// Nothing.
    #[default]
    None,
    /// Reached configured maxconn value.
    ConfFdlim,
    /// Too many sockets on the process.
    ProcFdlim,
    /// Too many sockets on the system.
    SysFdlim,
    /// Out of system buffers.
    SysMemlim,
    /// Protocol or address family not supported.
    Noproto,
    /// General socket error.
    SockErr,
    /// Source port range exhausted.
    PortRange,
    /// Can't bind to source address.
    CantBind,
    /// Out of local source ports on the system.
    FreePorts,
    /// Local source address already in use.
    AddrInuse,
    /// Connection closed while waiting for PROXY protocol header.
    PrxEmpty,
    /// Connection error while waiting for PROXY protocol header.
    PrxAbort,
    /// Timeout while waiting for PROXY protocol header.
    PrxTimeout,
    /// Truncated PROXY protocol header received.
    PrxTruncated,
    /// Received something which does not look like a PROXY protocol header.
    PrxNotHdr,
    /// Received an invalid PROXY protocol header.
    PrxBadHdr,
    /// Received an unhandled protocol in the PROXY protocol header.
    PrxBadProto,
    /// Connection closed while waiting for NetScaler Client IP header.
    CipEmpty,
    /// Connection error while waiting for NetScaler Client IP header.
    CipAbort,
    /// Timeout while waiting for a NetScaler Client IP header.
    CipTimeout,
    /// Truncated NetScaler Client IP header received.
    CipTruncated,
    /// Received an invalid NetScaler Client IP magic number.
    CipBadMagic,
    /// Received an unhandled protocol in the NetScaler Client IP header.
    CipBadProto,
    /// Connection closed during SSL handshake.
    SslEmpty,
    /// Connection error during SSL handshake.
    SslAbort,
    /// Timeout during SSL handshake.
    SslTimeout,
    /// Too many SSL connections.
    SslTooMany,
    /// Out of memory when initializing an SSL connection.
    SslNoMem,
    /// Rejected a client-initiated SSL renegotiation attempt.
    SslReneg,
    /// SSL client CA chain cannot be verified.
    SslCaFail,
    /// SSL client certificate not trusted.
    SslCrtFail,
    /// Server presented an SSL certificate different from the configured one.
    SslMismatch,
    /// Server presented an SSL certificate different from the expected one.
    SslMismatchSni,
    /// SSL handshake failure.
    SslHandshake,
    /// SSL handshake failure after heartbeat.
    SslHandshakeHb,
    /// Stopped a TLSv1 heartbeat attack (CVE-2014-0160).
    SslKilledHb,
    /// Attempt to use SSL on an unknown target (internal error).
    SslNoTarget,
    /// Server refused early data.
    SslEarlyFailed,
    /// SOCKS4 Proxy write error during handshake.
    Socks4Send,
    /// SOCKS4 Proxy read error during handshake.
    Socks4Recv,
    /// SOCKS4 Proxy deny the request.
    Socks4Deny,
    /// SOCKS4 Proxy handshake aborted by server.
    Socks4Abort,
    /// SSL fatal error.
    SslFatal,
    /// Reverse connect failure.
    Reverse,
    /// Poller reported POLLERR.
    Pollerr,
    /// ECONNREFUSED returned by OS.
    Erefused,
    /// ECONNRESET returned by OS.
    Ereset,
    /// ENETUNREACH returned by OS.
    Eunreach,
    /// ENOMEM returned by OS.
    Enomem,
    /// EBADF returned by OS.
    Ebadf,
    /// EFAULT returned by OS.
    Efault,
    /// EINVAL returned by OS.
    Einval,
    /// ENCONN returned by OS.
    Enconn,
    /// ENSOCK returned by OS.
    Ensock,
    /// ENOBUFS returned by OS.
    Enobufs,
    /// EPIPE returned by OS.
    Epipe,
}

impl ConnError {
    /// Its number (`fc_err`).
    pub fn number(self) -> u8 {
        self as u8
    }

    /// Its name (`fc_err_name`); nothing where nothing is wrong.
    pub fn name(self) -> &'static str {
        LIST.get(usize::from(self as u8)).map_or("", |(name, _)| name)
    }

    /// What logs say (`fc_err_str`).
    pub fn message(self) -> &'static str {
        LIST.get(usize::from(self as u8)).map_or("", |(_, message)| message)
    }
}

const LIST: [(&str, &str); 57] = [
    ("", "Success"),
    ("CONF_FDLIM", "Reached configured maxconn value"),
    ("PROC_FDLIM", "Too many sockets on the process"),
    ("SYS_FDLIM", "Too many sockets on the system"),
    ("SYS_MEMLIM", "Out of system buffers"),
    ("NOPROTO", "Protocol or address family not supported"),
    ("SOCK_ERR", "General socket error"),
    ("PORT_RANGE", "Source port range exhausted"),
    ("CANT_BIND", "Can't bind to source address"),
    ("FREE_PORTS", "Out of local source ports on the system"),
    ("ADDR_INUSE", "Local source address already in use"),
    ("PRX_EMPTY", "Connection closed while waiting for PROXY protocol header"),
    ("PRX_ABORT", "Connection error while waiting for PROXY protocol header"),
    ("PRX_TIMEOUT", "Timeout while waiting for PROXY protocol header"),
    ("PRX_TRUNCATED", "Truncated PROXY protocol header received"),
    ("PRX_NOT_HDR", "Received something which does not look like a PROXY protocol header"),
    ("PRX_BAD_HDR", "Received an invalid PROXY protocol header"),
    ("PRX_BAD_PROTO", "Received an unhandled protocol in the PROXY protocol header"),
    ("CIP_EMPTY", "Connection closed while waiting for NetScaler Client IP header"),
    ("CIP_ABORT", "Connection error while waiting for NetScaler Client IP header"),
    ("CIP_TIMEOUT", "Timeout while waiting for a NetScaler Client IP header"),
    ("CIP_TRUNCATED", "Truncated NetScaler Client IP header received"),
    ("CIP_BAD_MAGIC", "Received an invalid NetScaler Client IP magic number"),
    ("CIP_BAD_PROTO", "Received an unhandled protocol in the NetScaler Client IP header"),
    ("SSL_EMPTY", "Connection closed during SSL handshake"),
    ("SSL_ABORT", "Connection error during SSL handshake"),
    ("SSL_TIMEOUT", "Timeout during SSL handshake"),
    ("SSL_TOO_MANY", "Too many SSL connections"),
    ("SSL_NO_MEM", "Out of memory when initializing an SSL connection"),
    ("SSL_RENEG", "Rejected a client-initiated SSL renegotiation attempt"),
    ("SSL_CA_FAIL", "SSL client CA chain cannot be verified"),
    ("SSL_CRT_FAIL", "SSL client certificate not trusted"),
    ("SSL_MISMATCH", "Server presented an SSL certificate different from the configured one"),
    ("SSL_MISMATCH_SNI", "Server presented an SSL certificate different from the expected one"),
    ("SSL_HANDSHAKE", "SSL handshake failure"),
    ("SSL_HANDSHAKE_HB", "SSL handshake failure after heartbeat"),
    ("SSL_KILLED_HB", "Stopped a TLSv1 heartbeat attack (CVE-2014-0160)"),
    ("SSL_NO_TARGET", "Attempt to use SSL on an unknown target (internal error)"),
    ("SSL_EARLY_FAILED", "Server refused early data"),
    ("SOCKS4_SEND", "SOCKS4 Proxy write error during handshake"),
    ("SOCKS4_RECV", "SOCKS4 Proxy read error during handshake"),
    ("SOCKS4_DENY", "SOCKS4 Proxy deny the request"),
    ("SOCKS4_ABORT", "SOCKS4 Proxy handshake aborted by server"),
    ("SSL_FATAL", "SSL fatal error"),
    ("REVERSE", "Reverse connect failure"),
    ("POLLERR", "Poller reported POLLERR"),
    ("EREFUSED", "ECONNREFUSED returned by OS"),
    ("ERESET", "ECONNRESET returned by OS"),
    ("EUNREACH", "ENETUNREACH returned by OS"),
    ("ENOMEM", "ENOMEM returned by OS"),
    ("EBADF", "EBADF returned by OS"),
    ("EFAULT", "EFAULT returned by OS"),
    ("EINVAL", "EINVAL returned by OS"),
    ("ENCONN", "ENCONN returned by OS"),
    ("ENSOCK", "ENSOCK returned by OS"),
    ("ENOBUFS", "ENOBUFS returned by OS"),
    ("EPIPE", "EPIPE returned by OS"),
];
