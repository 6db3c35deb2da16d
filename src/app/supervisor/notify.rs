//! What the service manager is told (`-Ws`, sd_notify(3)): datagrams to the socket that `NOTIFY_SOCKET` names.

use std::os::linux::net::SocketAddrExt;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::net::{SocketAddr, UnixDatagram};

/// The service manager, if there is one.
pub struct Notifier(Option<(UnixDatagram, SocketAddr)>);

impl Notifier {
    /// With `-Ws` and `NOTIFY_SOCKET`; a name that begins with `@` is in the abstract namespace.
    pub fn new(wanted: bool) -> Notifier {
        let open = || {
            let name = std::env::var_os("NOTIFY_SOCKET").filter(|_| wanted)?;
            let addr = match name.as_bytes() {
                [b'@', name @ ..] => SocketAddr::from_abstract_name(name).ok()?,
                _ => SocketAddr::from_pathname(&name).ok()?,
            };
            Some((UnixDatagram::unbound().ok()?, addr))
        };
        Notifier(open())
    }

    /// The configuration is served.
    pub fn ready(&self, status: &str) {
        self.send(&format!("READY=1\nMAINPID={}\nSTATUS={status}\n", std::process::id()));
    }

    /// Another configuration is being read.
    pub fn reloading(&self) {
        let now = crate::sys::process::monotonic_us();
        self.send(&format!("RELOADING=1\nMONOTONIC_USEC={now}\nSTATUS=Reloading Configuration.\n"));
    }

    /// The service ends.
    pub fn stopping(&self) {
        self.send("STOPPING=1\n");
    }

    /// A manager that does not listen any more is not waited for.
    fn send(&self, text: &str) {
        if let Some((socket, addr)) = &self.0 {
            let _ = socket.send_to_addr(text.as_bytes(), addr);
        }
    }
}
