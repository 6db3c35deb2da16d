//! One question with its repetitions (manual 5.3.2): all name servers at once, the first valid answer counts; of invalid ones the
//! last. The other kind of address is tried before the question is repeated.

use std::io;
use std::net::{Ipv6Addr, UdpSocket};
use std::time::Duration;

use tokio::time::{Instant, sleep_until, timeout_at};

use super::post::Post;
use crate::base::addr::IpFamily;
use crate::ir::{AcceptFamilies, Resolvers};
use crate::state::{DnsCount, ResolversState};
use crate::wire::dns::{Fault, Kind, Records};

/// What became of a question.
pub(super) enum Outcome {
    /// The answer of the name server at that place of the section.
    Valid(usize, Records),
    /// None is valid; the last error, none where nobody answered.
    Failed(Option<Fault>),
}

/// The kinds of records that are asked for, in their order.
pub(super) fn kinds(prefer: Option<IpFamily>, accept: AcceptFamilies) -> Vec<Kind> {
    let Some(prefer) = prefer else { return vec![Kind::Srv] };
    let (v4, v6) = match accept {
        AcceptFamilies::Both => (true, true),
        AcceptFamilies::V4 => (true, false),
        AcceptFamilies::V6 => (false, true),
        AcceptFamilies::Auto => (true, has_route()),
    };
    let mut kinds: Vec<Kind> =
        [(v6, Kind::Aaaa), (v4, Kind::A)].into_iter().filter(|(on, _)| *on).map(|(_, kind)| kind).collect();
    if prefer == IpFamily::V4 {
        kinds.reverse();
    }
    kinds
}

/// Asks until there is a valid answer or no try is left.
pub(super) async fn ask(
    config: &Resolvers,
    state: &ResolversState,
    post: &Post,
    name: &str,
    kinds: &[Kind],
) -> Outcome {
    let mut tries = config.retries.max(1);
    loop {
        let mut fault = None;
        let mut next = Instant::now();
        for kind in kinds {
            next = Instant::now() + Duration::from_millis(config.retry_ms);
            match once(state, post, name, *kind, next).await {
                Outcome::Failed(found) => fault = found,
                valid @ Outcome::Valid(..) => return valid,
            }
            if fault.is_none() {
                // Nobody answered: the same question again.
                break;
            }
        }
        tries -= 1;
        if tries == 0 {
            return Outcome::Failed(fault);
        }
        sleep_until(next).await;
    }
}

/// Asks everybody once and waits for the first valid answer, until all have answered or time is up.
async fn once(state: &ResolversState, post: &Post, name: &str, kind: Kind, until: Instant) -> Outcome {
    let Some(mut pinned) = post.send(name, kind) else { return Outcome::Failed(Some(Fault::Invalid)) };
    let mut silent: Vec<bool> = vec![true; post.len()];
    let mut fault = None;
    while silent.contains(&true) {
        match timeout_at(until, pinned.answers.recv()).await {
            Ok(Some((at, Ok(records)))) => return Outcome::Valid(at, records),
            Ok(Some((at, Err(found)))) => {
                fault = Some(found);
                if let Some(server) = silent.get_mut(at) {
                    *server = false;
                }
            }
            Ok(None) => break,
            Err(_) => {
                let late = state.servers.iter().zip(&silent).filter(|(_, silent)| **silent);
                late.for_each(|(server, _)| server.count(DnsCount::Timeout));
                break;
            }
        }
    }
    Outcome::Failed(fault)
}

/// Whether IPv6 addresses can be reached; nothing is sent.
fn has_route() -> bool {
    let probe = || -> io::Result<()> {
        let socket = UdpSocket::bind((Ipv6Addr::UNSPECIFIED, 0))?;
        socket.connect((SOMEWHERE, 53))
    };
    probe().is_ok()
}

/// An address in the global unicast range.
const SOMEWHERE: Ipv6Addr = Ipv6Addr::new(0x2001, 0x500, 0x2f, 0, 0, 0, 0, 0xf);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_preferred_kind_is_asked_first() {
        let both = AcceptFamilies::Both;
        assert_eq!(kinds(Some(IpFamily::V6), both), [Kind::Aaaa, Kind::A]);
        assert_eq!(kinds(Some(IpFamily::V4), both), [Kind::A, Kind::Aaaa]);
        assert_eq!(kinds(Some(IpFamily::V6), AcceptFamilies::V4), [Kind::A]);
        assert_eq!(kinds(Some(IpFamily::V4), AcceptFamilies::V6), [Kind::Aaaa]);
        assert_eq!(kinds(None, both), [Kind::Srv]);
    }
}
