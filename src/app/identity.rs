//! Who the process is: background, pid file, chroot, user and group, in HAProxy's order: everything is open by then, and no thread has
//! been started.

use std::fs::File;
use std::io::{self, Read, Write};
use std::os::unix::fs::DirBuilderExt;
use std::path::Path;

use super::load::Voice;
use super::options::Options;
use crate::diag::Severity;
use crate::ir::Global;
use crate::sys::process::{self, Side};

/// Whether the process leaves the terminal. Under systemd's eyes it does not (`daemon` in manual 3.1).
pub fn in_background(global: &Global, options: &Options) -> bool {
    (options.daemon || global.daemon) && !options.debug && !options.foreground && !options.systemd
}

/// Warns of a start as root that never gives its rights up, as HAProxy 3.4 does.
pub fn warn_of_root(global: &Global, voice: &mut Voice) {
    if !process::is_root() {
        return;
    }
    if global.chroot.is_none() {
        voice.say_main(Severity::Warning, WITHOUT_CHROOT);
    }
    if global.uid.is_none() {
        voice.say_main(Severity::Warning, WITHOUT_USER);
    }
}

/// Writes the process's id. A file that cannot be written stops nobody, as with HAProxy.
pub fn write_pid(path: &Path, voice: &mut Voice) {
    // An old file may be a link or belong to somebody else.
    let _ = std::fs::remove_file(path);
    let written = File::create(path).and_then(|mut file| writeln!(file, "{}", std::process::id()));
    if let Err(error) = written {
        voice.say_main(Severity::Warning, &format!("Cannot create pidfile {}: {error}", path.display()));
    }
}

/// Sets the process's priority, jails it and changes its group, then its user. `kept` is a group it stays in. The error is HAProxy's
/// sentence.
pub fn give_up_rights(global: &Global, kept: Option<u32>) -> Result<(), String> {
    if let Some(nice) = global.renice {
        process::set_priority(nice).map_err(|error| format!("Cannot set the priority to {nice} ({error})."))?;
    }
    if let Some(root) = &global.chroot {
        let jailed = if root.as_os_str() == "auto" { jail_nowhere() } else { process::chroot(root) };
        jailed.map_err(|_| format!("Cannot chroot({}).", root.display()))?;
    }
    if let Some(gid) = global.gid {
        process::change_group(gid, kept.as_slice()).map_err(|_| format!("Cannot set gid {gid}."))?;
    }
    if let Some(uid) = global.uid {
        process::change_user(uid).map_err(|_| format!("Cannot set uid {uid}."))?;
    }
    if global.dumpable && process::allow_core_dumps().is_err() {
        return Err("Failed to set the dumpable flag.".to_owned());
    }
    process::forbid_new_privileges();
    Ok(())
}

/// `chroot auto`: a directory that is empty, cannot be written, and has no name any more.
fn jail_nowhere() -> io::Result<()> {
    let path = std::env::temp_dir().join(format!("haproxy-jail-{}", process_name()));
    std::fs::DirBuilder::new().mode(0o555).create(&path)?;
    let inside = std::env::set_current_dir(&path);
    std::fs::remove_dir(&path)?;
    inside.and_then(|()| process::chroot(Path::new(".")))
}

/// Different in every process and at every start.
fn process_name() -> String {
    format!("{}-{:x}", std::process::id(), crate::base::clock::unix_us())
}

/// A process that goes to the background: its parent waits to hear how the start went.
pub struct Background {
    /// To the parent.
    ready: File,
    null: File,
}

/// Goes on in a child; the parent ends with 0 when the child says that it is ready, and with 1 when it ends before.
pub fn go_to_background() -> io::Result<Background> {
    let (mut heard, ready) = io::pipe()?;
    if let Side::Parent(_) = process::fork()? {
        drop(ready);
        let mut byte = [0];
        let code = i32::from(!matches!(heard.read(&mut byte), Ok(1)));
        process::exit_now(code);
    }
    process::new_session()?;
    let null = File::options().read(true).write(true).open("/dev/null")?;
    Ok(Background { ready: File::from(std::os::fd::OwnedFd::from(ready)), null })
}

impl Background {
    /// Lets the parent go. Standard streams lead nowhere from here on.
    pub fn is_ready(mut self) -> io::Result<()> {
        process::silence_with(&self.null)?;
        self.ready.write_all(b"\n")
    }
}

const WITHOUT_CHROOT: &str = "HAProxy was started as root without any 'chroot' directive. A chroot limits filesystem access of an \
     intruder to a single, preferably empty, directory. It is strongly recommended to enable this feature whenever possible (it's \
     always possible when starting as root), via 'chroot auto' in the global section. If you think you have good reasons for running \
     outside a chroot, explicitly configure 'chroot /' to silence this warning.";
const WITHOUT_USER: &str = "HAProxy was started as the root user and does not make use of 'user' nor 'uid' global options to drop the \
     privileges. This is generally considered as a bad practice security-wise. If running as root is intentional, please make it \
     explicit using 'uid 0' or 'user root', and also please consider using the 'chroot' directive to isolate the process into a \
     totally empty and read-only directory if possible. Also, since your operating system supports it, always prefer relying on \
     capabilities with unprivileged users than running with full privileges (look for 'setcap' in the configurationmanual).";
