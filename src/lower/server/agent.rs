//! `server` options of agents (manual 5.2 `agent-check` and its neighbours).

use super::ServerDraft;
use super::check::interval;
use crate::base::addr::{Accepts, Host};
use crate::diag::Word;
use crate::ir::Agent;
use crate::keyword::{Meta, Result, Scope, Sections, Setting, Words};
use crate::lower::files::Reader;
use crate::lower::table::sentence;
use crate::lower::values::integer;

/// What a server line says of its agent.
#[derive(Clone)]
pub(super) struct AgentOptions {
    enabled: bool,
    port: u16,
    addr: Option<Word>,
    inter_ms: u64,
    send: Box<[u8]>,
}

impl Default for AgentOptions {
    fn default() -> Self {
        AgentOptions { enabled: false, port: 0, addr: None, inter_ms: 2000, send: Box::default() }
    }
}

type Apply = fn(&mut Words<'_>, &mut ServerDraft, &Scope<'_>) -> Result<()>;

const fn entry(meta: Meta, apply: Apply) -> Setting<ServerDraft> {
    Setting { meta, sections: Sections::BE, apply }
}

pub(super) static SETTINGS: &[Setting<ServerDraft>] = &[
    entry(
        Meta::new(
            "agent-check",
            "agent-check",
            "Asks an agent at intervals what the server's weight, limit and state are to be. Needs 'agent-port'.",
            &[("server a 127.0.0.1:80 agent-check agent-port 9999", "agent-check agent-inter 2000 agent-port 9999")],
        ),
        |_, draft, _| {
            draft.agent.enabled = true;
            Ok(())
        },
    ),
    entry(
        Meta::new(
            "no-agent-check",
            "no-agent-check",
            "Takes back an 'agent-check' of 'default-server'.",
            &[("server a 127.0.0.1:80 no-agent-check", "server a")],
        ),
        |_, draft, _| {
            draft.agent.enabled = false;
            Ok(())
        },
    ),
    entry(
        Meta::new(
            "agent-port",
            "agent-port <port>",
            "Sets the port of the agent.",
            &[("server a 127.0.0.1:80 agent-check agent-port 9999", "agent-port 9999")],
        ),
        |words, draft, _| {
            if words.is_empty() {
                return Err(words.error_here("expects a port number as argument."));
            }
            draft.agent.port = integer(words, 0, u16::MAX)?;
            Ok(())
        },
    ),
    entry(
        Meta::new(
            "agent-addr",
            "agent-addr <address>",
            "Sets the address of the agent, or its host's name. The default is the server's address.",
            &[("server a 127.0.0.1:80 agent-check agent-port 9999 agent-addr 127.0.0.2", "agent-addr 127.0.0.2")],
        ),
        |words, draft, _| {
            draft.agent.addr = Some(words.expect("an address as argument.")?.clone());
            Ok(())
        },
    ),
    entry(
        Meta::new(
            "agent-inter",
            "agent-inter <time>",
            "Sets how often the agent is asked, and how long that may take. The default is 2 seconds.",
            &[("server a 127.0.0.1:80 agent-check agent-port 9999 agent-inter 5s", "agent-inter 5000")],
        ),
        |words, draft, scope| {
            draft.agent.inter_ms = interval(words, scope, "agent-inter", draft)?;
            Ok(())
        },
    ),
    entry(
        Meta::new(
            "agent-send",
            "agent-send <string>",
            "Sets what the agent is told before it answers.",
            &[("server a 127.0.0.1:80 agent-check agent-port 9999 agent-send hi", "agent-send \"hi\"")],
        ),
        |words, draft, _| {
            draft.agent.send = words.expect("a string as argument.")?.as_str().as_bytes().into();
            Ok(())
        },
    ),
];

impl ServerDraft {
    /// The agent, if it is to be asked.
    pub(super) fn finish_agent(&self, reader: &Reader<'_>, place: &str) -> Result<Option<Agent>> {
        let agent = &self.agent;
        if !agent.enabled {
            return Ok(None);
        }
        if agent.port == 0 {
            let name = self.name.as_ref().map_or("", |name| name.as_str());
            let text = format!("{place}server {name} does not have agent port. Agent check has been disabled.");
            return Err(Box::new(sentence(self.span(), "missing", text).help("add 'agent-port <port>'")));
        }
        let addr = agent.addr.as_ref().map(|word| {
            let address =
                self.shared.address(word, &Accepts::CHECK).ok().filter(|address| address.ports.range().0 == 0);
            let found = match address.map(|address| address.host) {
                Some(Host::Ip(ip)) => Some(ip),
                Some(Host::Name { name, .. }) => reader.resolve(&name),
                _ => None,
            };
            found.ok_or_else(|| {
                let text = format!("{place}parsing agent-addr failed. Check if '{word}' is correct address.");
                sentence(word.span, "address", text)
            })
        });
        let addr = addr.transpose()?;
        Ok(Some(Agent { port: agent.port, addr, inter_ms: agent.inter_ms, send: agent.send.clone() }))
    }
}
