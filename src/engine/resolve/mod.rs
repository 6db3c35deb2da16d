//! Names that are resolved while the process runs (manual 5.3): one thread beside the cores asks name servers, tells servers their
//! addresses and answers `do-resolve`. It is started by the first configuration or request that needs it.
//!
//! | file | owns |
//! |---|---|
//! | `ask` | one question: who is asked, how often, which answer counts |
//! | `post` | sockets to name servers |
//! | `desk` | the questions of a configuration, what became of them, and whom to tell |
//! | `pick` | which of several addresses a server takes |

mod ask;
mod desk;
mod pick;
mod post;

use std::net::IpAddr;
use std::sync::{Arc, OnceLock, Weak};

use tokio::runtime::{Builder, LocalOptions};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::sync::oneshot;

use super::core::Shared;
use super::live::Live;
use super::servers::Place;
use crate::ir::Ir;
use crate::rules::Wanted;
use desk::Desk;

/// How the thread is reached.
#[derive(Default)]
pub struct Resolver {
    inbox: OnceLock<UnboundedSender<Order>>,
}

/// What the thread is told.
enum Order {
    /// Servers are those of this configuration.
    Follow(Arc<Live>),
    /// Somebody waits for the address of a host.
    Find(Arc<Live>, Wanted, oneshot::Sender<Option<IpAddr>>),
    /// The server goes by another name now.
    Rename(Place, String),
    /// The server does not answer: it may have another address.
    Suspect(Place),
}

impl Resolver {
    /// Servers are those of `live` from now on.
    pub fn follow(shared: &Arc<Shared>, live: &Arc<Live>) {
        if shared.resolver.inbox.get().is_some() || has_names(&live.ir) {
            Resolver::tell(shared, Order::Follow(live.clone()));
        }
    }

    /// The address of a host.
    pub async fn find(shared: &Arc<Shared>, live: &Arc<Live>, wanted: Wanted) -> Option<IpAddr> {
        let (answer, found) = oneshot::channel();
        Resolver::tell(shared, Order::Find(live.clone(), wanted, answer));
        found.await.ok().flatten()
    }

    /// A server goes by another name from now on.
    pub fn rename(shared: &Arc<Shared>, place: Place, name: &str) {
        Resolver::tell(shared, Order::Rename(place, name.to_owned()));
    }

    /// A check of the server timed out: name servers are asked at once (manual 5.3.1).
    pub fn suspect(shared: &Arc<Shared>, place: Place) {
        Resolver::tell(shared, Order::Suspect(place));
    }

    fn tell(shared: &Arc<Shared>, order: Order) {
        let inbox = shared.resolver.inbox.get_or_init(|| start(Arc::downgrade(shared)));
        // A thread that could not be started answers nobody.
        let _ = inbox.send(order);
    }
}

/// Whether a server's address is to be found at run time.
fn has_names(ir: &Ir) -> bool {
    ir.proxies.iter().any(|proxy| !proxy.disabled && proxy.servers.iter().any(|server| server.resolve.is_some()))
}

fn start(shared: Weak<Shared>) -> UnboundedSender<Order> {
    let (inbox, orders) = unbounded_channel();
    let thread = std::thread::Builder::new().name("resolver".to_owned());
    if let Err(error) = thread.spawn(move || run(shared, orders)) {
        tracing::error!("names cannot be resolved, no thread can be started: {error}");
    }
    inbox
}

/// Ends with the engine, which holds the other end of `orders`.
fn run(shared: Weak<Shared>, mut orders: UnboundedReceiver<Order>) {
    let runtime = Builder::new_current_thread().enable_io().enable_time().build_local(LocalOptions::default());
    match runtime {
        Ok(runtime) => runtime.block_on(async move {
            let desk = Desk::new(shared);
            while let Some(order) = orders.recv().await {
                match order {
                    Order::Follow(live) => desk.follow(&live),
                    Order::Find(live, wanted, answer) => desk.find(&live, wanted, answer),
                    Order::Rename(place, name) => desk.rename(place, &name),
                    Order::Suspect(place) => desk.suspect(place),
                }
            }
        }),
        Err(error) => tracing::error!("names cannot be resolved: {error}"),
    }
}
