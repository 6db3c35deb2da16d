//! Configurations that come from elsewhere than files while the process runs.

use std::collections::BTreeSet;
use std::sync::Arc;

use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender};

use crate::engine::Engine;
use crate::ir::Ir;
use crate::state::{Admin, Change};

/// A source of configurations, and the way to ask it.
pub struct Feed {
    /// Configurations, the newest last.
    pub configurations: UnboundedReceiver<Fed>,
    /// Asks for the present configuration (SIGUSR1, SIGUSR2).
    pub again: UnboundedSender<()>,
}

/// Hears what became of a configuration.
pub type Told = Box<dyn FnOnce(Result<(), String>) + Send>;

/// A checked configuration.
pub struct Fed {
    /// The configuration.
    pub ir: Arc<Ir>,
    /// Servers that take no requests at present.
    pub resting: Resting,
    /// Is told how it went; an error says why nothing has changed.
    pub told: Told,
}

/// Servers by backend and name.
pub type Resting = BTreeSet<(String, String)>;

/// Takes servers out of service and back in. What an administrator has put into maintenance stays there.
pub fn rest(engine: &Engine, before: &Resting, now: &Resting) {
    let (ir, view) = engine.current();
    for proxy in ir.proxies.iter() {
        for (line, state) in proxy.servers.iter().zip(&view.proxy(proxy.id).servers) {
            let key = (proxy.name.to_string(), line.name.to_string());
            let rests = state.admin() == Admin::Maint;
            match (before.contains(&key), now.contains(&key)) {
                (_, true) if !rests => engine.change(proxy.id, state.id, Change::Admin(Admin::Maint)),
                (true, false) if rests => engine.change(proxy.id, state.id, Change::Admin(Admin::Ready)),
                _ => {}
            }
        }
    }
}
