//! Configurations that come from elsewhere than files while the process runs.

use std::collections::BTreeSet;
use std::sync::Arc;

use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender};

use super::load::{self, Outcome, Voice};
use super::options::Options;
use crate::config::Input;
use crate::engine::Engine;
use crate::ir::Ir;
use crate::lower::Files;
use crate::state::{Admin, Change};

/// A source of configurations, and the way to ask it.
pub struct Feed {
    /// Configurations, the newest last.
    pub texts: UnboundedReceiver<Fed>,
    /// Asks for the present configuration (SIGUSR1, SIGUSR2).
    pub again: UnboundedSender<()>,
}

/// Hears what became of a configuration.
pub type Told = Box<dyn FnOnce(Result<(), String>) + Send>;

/// A configuration, and what becomes of it.
pub struct Fed {
    /// The text.
    pub input: Input,
    /// What it names.
    pub files: Arc<dyn Files + Send + Sync>,
    /// Servers that take no requests at present, by backend and name.
    pub resting: BTreeSet<(String, String)>,
    /// Is told how it went: `Err` says why nothing has changed.
    pub told: Told,
}

impl Fed {
    /// Checks the configuration; the error is what HAProxy would have said.
    pub fn load(&self, options: &Options) -> Result<Box<Ir>, String> {
        let mut voice = Voice::new(true, false);
        match load::load_inputs(options, vec![self.input.clone()], &*self.files, &mut voice) {
            Outcome::Good(ir, _) => Ok(ir),
            Outcome::Stop(_) => Err(voice.said().to_owned()),
        }
    }
}

/// Takes servers out of service and back in. What an administrator has put into maintenance stays there.
pub fn rest(engine: &Engine, before: &BTreeSet<(String, String)>, now: &BTreeSet<(String, String)>) {
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
