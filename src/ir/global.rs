//! The `global` section (manual chapter 3); userlists are plain data of `base`.

use std::path::PathBuf;

use super::bind::{BindAddr, RecordSizes};
use super::log::LogTarget;
use super::resolvers::AcceptFamilies;
use crate::base::value::Value;
use crate::state::variables::Limits;

pub use crate::base::userlist::{Group, Password, User, Userlist};

/// Process-wide settings.
#[derive(Clone, Debug, Default)]
pub struct Global {
    /// `nbthread`; `None` means one per core.
    pub threads: Option<usize>,
    /// `maxconn`, also `-n`; `None` means derived from the descriptor limit.
    pub maxconn: Option<u32>,
    /// `daemon`.
    pub daemon: bool,
    /// `master-worker`.
    pub master_worker: bool,
    /// `master-worker no-exit-on-failure`: the others go on when a worker fails.
    pub no_exit_on_failure: bool,
    /// `mworker-max-reloads`: a worker that has seen more reloads is ended, default 50.
    pub max_reloads: Option<u32>,
    /// `pidfile`.
    pub pidfile: Option<PathBuf>,
    /// `user` or `uid`, resolved.
    pub uid: Option<u32>,
    /// `group` or `gid`, resolved.
    pub gid: Option<u32>,
    /// `chroot`.
    pub chroot: Option<PathBuf>,
    /// `ulimit-n`.
    pub ulimit_n: Option<u64>,
    /// `fd-hard-limit`.
    pub fd_hard_limit: Option<u64>,
    /// `set-dumpable`.
    pub dumpable: bool,
    /// `hard-stop-after` in milliseconds.
    pub hard_stop_after: Option<u64>,
    /// `grace` in milliseconds.
    pub grace: Option<u64>,
    /// `pp2-never-send-local`: PROXY headers of checks look like those of clients.
    pub checks_as_clients: bool,
    /// `maxconnrate`, `maxsessrate`, `maxsslrate`: connections, sessions and those with TLS per second; 0 is unlimited.
    pub rate_limits: [u32; 3],
    /// `harden.reject-privileged-ports.tcp`: clients with a port below 1024 are not served.
    pub rejects_privileged_ports: bool,
    /// `log` lines.
    pub logs: Vec<LogTarget>,
    /// `log-send-hostname`: `Some(None)` is the machine's own name.
    pub log_send_hostname: Option<Option<String>>,
    /// `log-tag`, default `haproxy`.
    pub log_tag: Option<String>,
    /// `stats socket` lines.
    pub runtime_sockets: Vec<RuntimeSocket>,
    /// `stats timeout` in milliseconds, default 10 s.
    pub stats_timeout: Option<u64>,
    /// `stats maxconn`, default 10.
    pub stats_maxconn: Option<u32>,
    /// `node`, default the host name.
    pub node: Option<String>,
    /// `description`.
    pub description: Option<String>,
    /// `set-var`, `set-var-fmt`: what `proc` variables begin with.
    pub variables: Vec<Assigned>,
    /// `tune.vars`
    pub variable_limits: Option<Limits>,
    /// `tune.idle-pool.shared`: cores use each other's idle connections to servers.
    pub shares_idle: bool,
    /// `tune.bufsize` in bytes, default 16384.
    pub bufsize: usize,
    /// `tune.maxrewrite` in bytes, default 1024.
    pub maxrewrite: usize,
    /// `tune.http.cookielen`, default 63.
    pub cookielen: usize,
    /// `tune.stick-counters`, default 3: how many entries of stick tables a connection may track.
    pub stick_counters: u8,
    /// `tune.http.maxhdr`, default 101.
    pub maxhdr: usize,
    /// `tune.http.logurilen`: bytes of a request line that are logged, default 1024.
    pub log_uri_len: usize,
    /// `maxcomprate` in bytes per second of what is compressed; 0 is unlimited.
    pub compression_rate: u32,
    /// `maxcompcpuusage` in percent of a core, default 100: unlimited.
    pub compression_cpu: u32,
    /// `maxzlibmem` in bytes; 0 is unlimited.
    pub compression_memory: u64,
    /// `tune.comp.maxlevel`, default 1.
    pub compression_level: u8,
    /// `tune.zlib.windowsize`, default 15: logarithm of how far a compressor looks back.
    pub compression_window: u8,
    /// `h1-case-adjust`, `h1-case-adjust-file`.
    pub case_map: std::sync::Arc<super::CaseMap>,
    /// `spread-checks` in percent, -50 to 50.
    pub spread_checks: i32,
    /// `tune.ssl.cachesize`, default 20000: TLS sessions remembered per `bind` line.
    pub tls_sessions: usize,
    /// `tune.ssl.lifetime` in seconds, default 300: how long a TLS session can be resumed.
    pub tls_lifetime: u32,
    /// `tune.ssl.capture-buffer-size` in bytes, default 0: nothing of a ClientHello is kept.
    pub tls_capture: usize,
    /// `tune.ssl.maxrecord`, `tune.ssl.hard-maxrecord`.
    pub tls_records: RecordSizes,
    /// `tune.rcvbuf.client`, `tune.sndbuf.client`, `tune.notsent-lowat.client`.
    pub client_sockets: SocketSizes,
    /// `tune.rcvbuf.server`, `tune.sndbuf.server`, `tune.notsent-lowat.server`.
    pub server_sockets: SocketSizes,
    /// `cpu-map`, `thread-groups`, `thread-group`.
    pub cpu_map: super::CpuMap,
    /// `tune.renice.runtime`: the priority of the process, -20 to 19.
    pub renice: Option<i32>,
    /// `max-spread-checks` in milliseconds: bound of the time over which first checks are spread.
    pub max_spread_checks: Option<u64>,
    /// `dns-accept-family`, `-4`.
    pub accept_families: AcceptFamilies,
    /// `localpeer` or `-L`.
    pub localpeer: Option<String>,
    /// `thread-hard-limit`: never more threads than this.
    pub thread_limit: Option<usize>,
    /// `noreuseport` or `-dR`: one socket for an address, without `SO_REUSEPORT`.
    pub no_reuse_port: bool,
    /// `strict-limits`: stop when a limit of the process cannot be set; default true.
    pub strict_limits: bool,
    /// The environment as the configuration has left it (`show env`).
    pub environment: std::sync::Arc<Vec<(String, String)>>,
    /// `quiet`: no messages during the start.
    pub quiet: bool,
    /// `zero-warning`: warnings refuse the configuration (done by the loader already).
    pub zero_warning: bool,
}

/// What the kernel keeps for a TCP connection, in bytes; 0 leaves it to the kernel (manual 3.2).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct SocketSizes {
    /// `tune.rcvbuf.*`: received and not read yet.
    pub receive: u32,
    /// `tune.sndbuf.*`: written and not acknowledged yet.
    pub send: u32,
    /// `tune.notsent-lowat.*`: written and not sent yet.
    pub unsent: u32,
}

/// `stats socket`: where the runtime commands are answered (management.txt 9.3).
#[derive(Debug, Clone)]
pub struct RuntimeSocket {
    /// Where it listens.
    pub addr: BindAddr,
    /// `level`: 1 user, 2 operator, 3 admin.
    pub level: u8,
    /// `severity-output`: `none`, `number` or `string`.
    pub severity_output: &'static str,
    /// `mode`, octal permission bits of a UNIX socket.
    pub mode: Option<u32>,
    /// `user` or `uid`, resolved.
    pub uid: Option<u32>,
    /// `group` or `gid`, resolved.
    pub gid: Option<u32>,
    /// `expose-fd listeners` was given.
    pub expose_fd: bool,
}

impl RuntimeSocket {
    /// The address with its family in front, as `show cli sockets` and `HAPROXY_CLI` have it.
    pub fn address(&self) -> String {
        match &self.addr {
            BindAddr::Unix(path) => format!("unix@{}", path.display()),
            BindAddr::Ip { addr, .. } if addr.is_ipv6() => format!("ipv6@{addr}"),
            BindAddr::Ip { addr, .. } => format!("ipv4@{addr}"),
            other => other.to_string(),
        }
    }
}

impl Global {
    /// `HAPROXY_CLI`: where the runtime commands are answered (manual 2.3); none where they are not.
    pub fn runtime_addresses(&self) -> Option<String> {
        let all: Vec<String> = self.runtime_sockets.iter().map(RuntimeSocket::address).collect();
        (!all.is_empty()).then(|| all.join(";"))
    }
}

/// A `proc` variable and its value.
#[derive(Clone, Debug, PartialEq)]
pub struct Assigned {
    /// As written, with its scope.
    pub name: Box<str>,
    /// Its slot.
    pub slot: u32,
    /// What it is set to.
    pub value: Value<'static>,
}
