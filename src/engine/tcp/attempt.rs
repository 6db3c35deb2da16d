//! A connection to a server for a stream in TCP mode, with the retries that `retries` and `option redispatch` allow.

use crate::base::id::ServerId;
use crate::engine::connect::{self, Wanted};
use crate::engine::fault::{Fault, Phase};
use crate::engine::hashed;
use crate::engine::hooks::Stage;
use crate::engine::live::Live;
use crate::engine::persist;
use crate::engine::place::{self, Search};
use crate::engine::pool::Upstream;
use crate::engine::preamble;
use crate::engine::queue::Slot;
use crate::engine::retry::Retries;
use crate::engine::session::{Patience, Session};
use crate::engine::stick;
use crate::engine::stream::Stream;
use crate::expr::ConnError;
use crate::ir::Proxy;

/// A connected server.
pub(super) struct Connected {
    /// The connection.
    pub(super) upstream: Box<Upstream>,
    /// The place at the server.
    pub(super) slot: Slot,
}

/// Connects to a server of the backend.
pub(super) async fn connect(
    s: &mut Session,
    st: &mut Stream,
    backend: &Proxy,
    live: &Live,
) -> Result<Connected, Fault> {
    persist::assign(s, st, live, backend, super::content::last(Stage::RAW));
    persist::by_rdp_cookie(s, st, live, backend, super::content::last(Stage::RAW));
    stick::request(s, st, live, backend, super::content::last(Stage::RAW));
    hashed::note(s, st, live, backend, super::content::last(Stage::RAW));
    let search = Search { backend, live, patience: Patience::of(backend) };
    let mut retries = Retries::default();
    loop {
        st.phase = Phase::Queue;
        let (id, slot) = place::find(s, st, &search, &retries).await?;
        slot.count(s.core.id, s.core.now_ms(), s.core.unix_us());
        match attempt(s, st, &search, id).await {
            Ok(upstream) => return Ok(Connected { upstream, slot }),
            Err(fault) => {
                drop(slot);
                if !retries.again(s, st, backend, id, fault).await {
                    return Err(fault);
                }
            }
        }
    }
}

async fn attempt(s: &mut Session, st: &mut Stream, search: &Search<'_>, id: ServerId) -> Result<Box<Upstream>, Fault> {
    let Search { backend, live, patience } = search;
    let (server, state) = live.server(backend.id, id).ok_or(Fault::NoServer)?;
    st.facts.queue_ms = Some(s.core.now_ms());
    st.facts.server = Some(id);
    st.phase = Phase::Connect;
    let name = connect::server_name(s, st, live, server, super::content::last(Stage::RAW));
    let preamble = preamble::of_stream(s, st, live, server, super::content::last(Stage::RAW));
    let connect_timeout = st.facts.timeout(|set| set.connect, backend.timeouts.connect);
    let personal = connect::personal(s, st, live, server, super::content::last(Stage::RAW));
    let (reuse, patience) = (false, *patience);
    let wanted = Wanted { backend, id, server, state, reuse, patience, name, preamble, personal, connect_timeout };
    let upstream = connect::obtain(s, &wanted).await.map_err(|why| {
        st.facts.server_error = why.error;
        why.fault
    })?;
    st.facts.server_error = ConnError::None;
    st.facts.connect_ms = Some(s.core.now_ms());
    (st.facts.server_src, st.facts.server_dst) = (upstream.src, upstream.dst);
    Ok(upstream)
}
