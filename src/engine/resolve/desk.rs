//! The names that a configuration wants to know: who asks for which, what is known of them, and whom to tell.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::net::IpAddr;
use std::rc::{Rc, Weak as Near};
use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

use tokio::sync::{Notify, oneshot};
use tokio::task::JoinSet;

use super::ask::{self, Outcome};
use super::pick::{Wish, pick};
use super::post::Post;
use crate::base::addr::IpFamily;
use crate::base::id::ServerId;
use crate::engine::core::Shared;
use crate::engine::live::Live;
use crate::engine::servers::{self, News, Place};
use crate::ir::{AcceptFamilies, Resolve, Resolvers};
use crate::rules::Wanted;
use crate::state::{Change, DnsCount, ResolversState};
use crate::wire::dns::{Fault, Records, Service};

/// All names of a configuration.
pub(super) struct Desk {
    shared: Weak<Shared>,
    sections: RefCell<Vec<Rc<Section>>>,
    live: RefCell<Option<Arc<Live>>>,
}

/// The names that one `resolvers` section is asked for.
struct Section {
    shared: Weak<Shared>,
    live: Arc<Live>,
    config: Arc<Resolvers>,
    state: Arc<ResolversState>,
    accept: AcceptFamilies,
    post: Post,
    names: RefCell<HashMap<Key, Rc<Name>>>,
    /// Servers that the records of a service have given a host.
    hosts: RefCell<HashMap<Place, Service>>,
    purged: Cell<Instant>,
    tasks: RefCell<JoinSet<()>>,
}

/// A name and the preferred kind of address; none for a service.
type Key = (String, Option<IpFamily>);

/// What is known of a name.
struct Name {
    key: Key,
    /// Who is told, in the order in which they asked.
    servers: RefCell<Vec<Place>>,
    /// Streams that wait.
    waiting: RefCell<Vec<oneshot::Sender<Option<IpAddr>>>>,
    addresses: RefCell<Vec<(IpAddr, Instant)>>,
    services: RefCell<Vec<(Service, Instant)>>,
    valid_at: Cell<Option<Instant>>,
    /// It is being asked for.
    busy: Cell<bool>,
    /// It is to be asked for at once.
    wake: Notify,
}

impl Desk {
    pub(super) fn new(shared: Weak<Shared>) -> Desk {
        Desk { shared, sections: RefCell::default(), live: RefCell::default() }
    }

    /// Asks for the names of the servers of `live` from now on. What is known of names that were asked for before stays known.
    pub(super) fn follow(&self, live: &Arc<Live>) {
        if self.live.borrow().as_ref().is_some_and(|present| Arc::ptr_eq(present, live)) {
            return;
        }
        let before = std::mem::take(&mut *self.sections.borrow_mut());
        let states = &live.view.resolvers;
        let sections = live.ir.resolvers.iter().zip(states).map(|(config, state)| {
            let section = Section::open(&self.shared, live, config, state);
            if let Some(old) = before.iter().find(|old| old.config.name == config.name) {
                section.remember(old);
            }
            section
        });
        let sections: Vec<Rc<Section>> = sections.collect();
        for proxy in live.ir.proxies.iter().filter(|proxy| !proxy.disabled) {
            for (at, server) in proxy.servers.iter().enumerate() {
                let Some(resolve) = &server.resolve else { continue };
                let place = (proxy.id, ServerId(at as u32));
                if let Some(section) = sections.get(resolve.resolvers) {
                    section.watch_for(place, resolve);
                }
            }
        }
        *self.live.borrow_mut() = Some(live.clone());
        *self.sections.borrow_mut() = sections;
    }

    /// Answers with the address of a host, from what is known or by asking.
    pub(super) fn find(&self, live: &Arc<Live>, wanted: Wanted, answer: oneshot::Sender<Option<IpAddr>>) {
        if self.live.borrow().is_none() {
            self.follow(live);
        }
        // A stream of an earlier configuration asks the section of the same name.
        let name = live.ir.resolvers.get(wanted.resolvers).map(|section| &section.name);
        let sections = self.sections.borrow();
        if let Some(section) = sections.iter().find(|section| Some(&section.config.name) == name) {
            section.find(wanted, answer);
        }
    }

    /// The server goes by another name from now on.
    pub(super) fn rename(&self, place: Place, name: &str) {
        let Some(live) = self.live.borrow().clone() else { return };
        let Some(resolve) = live.server(place.0, place.1).and_then(|(server, _)| server.resolve.as_ref()) else {
            return;
        };
        if let Some(section) = self.sections.borrow().get(resolve.resolvers) {
            section.unwatch(place);
            section.watch((name.to_ascii_lowercase(), Some(resolve.prefer)), place);
        }
    }

    /// Asks at once for the name of a server that does not answer.
    pub(super) fn suspect(&self, place: Place) {
        for section in &*self.sections.borrow() {
            let names = section.names.borrow();
            names
                .values()
                .filter(|name| name.servers.borrow().contains(&place))
                .for_each(|name| name.wake.notify_one());
        }
    }
}

impl Section {
    fn open(
        shared: &Weak<Shared>,
        live: &Arc<Live>,
        config: &Arc<Resolvers>,
        state: &Arc<ResolversState>,
    ) -> Rc<Section> {
        Rc::new(Section {
            shared: shared.clone(),
            live: live.clone(),
            config: config.clone(),
            state: state.clone(),
            accept: live.ir.global.accept_families,
            post: Post::open(config, state),
            names: RefCell::default(),
            hosts: RefCell::default(),
            purged: Cell::new(Instant::now()),
            tasks: RefCell::default(),
        })
    }

    /// Takes over what an earlier configuration knew.
    fn remember(&self, old: &Section) {
        for (key, name) in &*old.names.borrow() {
            let fresh = self.name(key);
            *fresh.addresses.borrow_mut() = name.addresses.take();
            *fresh.services.borrow_mut() = name.services.take();
            fresh.valid_at.set(name.valid_at.get());
        }
    }

    fn name(&self, key: &Key) -> Rc<Name> {
        self.names.borrow_mut().entry(key.clone()).or_insert_with(|| Rc::new(Name::new(key.clone()))).clone()
    }

    /// Asks for the name of a server as its line has it, or for the host that records of its service gave it before.
    fn watch_for(self: &Rc<Self>, place: Place, resolve: &Resolve) {
        match resolve.is_service() {
            true => self.watch((resolve.name.clone(), None), place),
            false => {
                let present = self.live.server(place.0, place.1).and_then(|(_, state)| state.fqdn.load_full());
                let name = present.map_or_else(|| resolve.name.clone(), |name| name.to_ascii_lowercase());
                self.watch((name, Some(resolve.prefer)), place);
            }
        }
    }

    /// Tells the server of the name from now on.
    fn watch(self: &Rc<Self>, key: Key, place: Place) {
        let name = self.name(&key);
        name.servers.borrow_mut().push(place);
        if name.servers.borrow().len() > 1 {
            if name.valid_at.get().is_some() {
                self.tell_address(&name, place, None);
            }
            return;
        }
        let section = Rc::downgrade(self);
        self.tasks.borrow_mut().spawn_local(keep_asking(section, name));
    }

    /// The server is not told any more.
    fn unwatch(&self, place: Place) {
        for name in self.names.borrow().values().filter(|name| name.key.1.is_some()) {
            name.servers.borrow_mut().retain(|other| *other != place);
        }
    }

    fn find(self: &Rc<Self>, wanted: Wanted, answer: oneshot::Sender<Option<IpAddr>>) {
        self.purge();
        let prefer = wanted.prefer.unwrap_or(IpFamily::V6);
        let name = self.name(&(wanted.name.to_ascii_lowercase(), Some(prefer)));
        if name.is_fresh(self.config.hold.valid) {
            // The stream may have gone.
            let _ = answer.send(name.best(prefer));
            return;
        }
        name.waiting.borrow_mut().push(answer);
        if !name.busy.get() {
            name.busy.set(true);
            let section = Rc::downgrade(self);
            self.tasks.borrow_mut().spawn_local(async move {
                if let Some(section) = section.upgrade() {
                    section.ask(&name).await;
                }
            });
        }
    }

    /// Forgets names that only streams have asked for, once their answers are too old to be used.
    fn purge(&self) {
        if self.purged.get().elapsed() < Duration::from_secs(1) {
            return;
        }
        self.purged.set(Instant::now());
        let hold = self.config.hold.valid;
        self.names
            .borrow_mut()
            .retain(|_, name| !name.servers.borrow().is_empty() || name.busy.get() || name.is_fresh(hold));
        while self.tasks.borrow_mut().try_join_next().is_some() {}
    }

    /// Asks once, and tells everybody what came of it.
    async fn ask(self: &Rc<Self>, name: &Rc<Name>) {
        name.busy.set(true);
        let kinds = ask::kinds(name.key.1, self.accept);
        let outcome = ask::ask(&self.config, &self.state, &self.post, &name.key.0, &kinds).await;
        name.busy.set(false);
        let valid = match outcome {
            Outcome::Valid(by, records) => {
                name.learn(records, self.config.hold.obsolete);
                self.tell_all(name, by);
                true
            }
            Outcome::Failed(fault) => {
                self.tell_fault(name, fault);
                false
            }
        };
        for answer in name.waiting.take() {
            // The stream may have gone.
            let _ = answer.send(name.key.1.filter(|_| valid).and_then(|prefer| name.best(prefer)));
        }
    }

    /// A valid answer has come from the name server at that place.
    fn tell_all(self: &Rc<Self>, name: &Rc<Name>, by: usize) {
        if name.key.1.is_none() {
            return self.share_out(name);
        }
        let mut by = self.state.servers.get(by);
        for place in name.servers.borrow().clone() {
            let told = by.map(|server| format!("{}/{}", self.config.name, server.name));
            // The name server is said to have changed one server; the others got it from the cache.
            if self.tell_address(name, place, told.as_deref())
                && let Some(server) = by.take()
            {
                server.count(DnsCount::Update);
            }
        }
    }

    /// Gives the server an address of the name. Whether it has another one now.
    fn tell_address(&self, name: &Name, place: Place, by: Option<&str>) -> bool {
        let Some((line, state)) = self.live.server(place.0, place.1) else { return false };
        let Some(resolve) = &line.resolve else { return false };
        let port = self.hosts.borrow().get(&place).map(|host| host.port);
        let mut taken = Vec::new();
        for other in name.servers.borrow().iter().filter(|other| other.0 == place.0 && **other != place) {
            let there = self.live.server(other.0, other.1).and_then(|(_, state)| state.addr.load_full());
            // Hosts of a service may have one address and different ports.
            taken.extend(there.filter(|addr| port.is_none_or(|port| addr.port() == port)).map(|addr| addr.ip()));
        }
        let current = state.addr.load().as_deref().map(|addr| addr.ip());
        let addresses: Vec<IpAddr> = name.addresses.borrow().iter().map(|(ip, _)| *ip).collect();
        let wish = Wish {
            prefer: Some(resolve.prefer),
            nets: &resolve.nets,
            current,
            taken: &taken,
            shares: resolve.allow_duplicates,
        };
        match pick(&addresses, &wish) {
            Some(ip) => {
                self.publish(place, News::Address { ip, by: by.unwrap_or("DNS cache") });
                current != Some(ip)
            }
            None => {
                self.publish(place, News::Lost("No IP for server "));
                false
            }
        }
    }

    /// There was no valid answer: servers stay for a while, since one before was valid.
    fn tell_fault(&self, name: &Name, fault: Option<Fault>) {
        let hold = self.config.hold;
        let (hold, why) = match fault {
            Some(Fault::Nx) => (hold.nx, "DNS NX status"),
            Some(Fault::Refused) => (hold.refused, "DNS refused status"),
            None => (hold.timeout, "DNS timeout status"),
            Some(_) => (hold.other, "unspecified DNS error"),
        };
        if name.is_fresh(hold) {
            return;
        }
        name.addresses.borrow_mut().clear();
        for place in name.servers.borrow().clone() {
            match name.key.1 {
                Some(_) => self.publish(place, News::Lost(why)),
                None => self.take_host(place),
            }
        }
    }

    /// Gives the hosts of a service to its servers, in each backend anew.
    fn share_out(self: &Rc<Self>, name: &Rc<Name>) {
        let services: Vec<Service> = name.services.borrow().iter().map(|(service, _)| service.clone()).collect();
        let places = name.servers.borrow().clone();
        let same = |one: &Service, other: &Service| one.target == other.target && one.port == other.port;
        for place in &places {
            let host = self.hosts.borrow().get(place).cloned();
            let Some(host) = host else { continue };
            match services.iter().find(|service| same(service, &host)) {
                Some(service) if service.weight != host.weight => self.give(*place, service),
                Some(_) => {}
                None => self.take_host(*place),
            }
        }
        for place in &places {
            if self.hosts.borrow().contains_key(place) {
                continue;
            }
            let used = |service: &&Service| {
                let hosts = self.hosts.borrow();
                places
                    .iter()
                    .any(|other| other.0 == place.0 && hosts.get(other).is_some_and(|host| same(host, service)))
            };
            let Some(service) = services.iter().find(|service| !used(service)) else { continue };
            let Some(resolve) = self.live.server(place.0, place.1).and_then(|(line, _)| line.resolve.as_ref()) else {
                continue;
            };
            self.give(*place, service);
            self.publish(*place, News::Host(&service.target, service.port));
            self.watch((service.target.clone(), Some(resolve.prefer)), *place);
        }
    }

    /// The records of its service do not give the server a host any more.
    fn take_host(&self, place: Place) {
        if self.hosts.borrow_mut().remove(&place).is_some() {
            self.unwatch(place);
            self.publish(place, News::Nameless);
            self.publish(place, News::Lost("entry removed from SRV record"));
        }
    }

    /// Notes the host of a server and gives it the weight that its record says.
    fn give(&self, place: Place, service: &Service) {
        self.hosts.borrow_mut().insert(place, service.clone());
        let resolve = self.live.server(place.0, place.1).and_then(|(line, _)| line.resolve.as_ref());
        let Some(shared) = self.shared.upgrade() else { return };
        if resolve.is_some_and(|resolve| !resolve.ignore_weight) {
            // 65535 of a record is 256 of a server.
            let weight = u32::from(service.weight).div_ceil(256);
            let ends = servers::change(&shared.herald, &self.live, place, Change::Weight(weight));
            shared.end_streams(&ends);
        }
    }

    /// Tells a server and the world. Nobody will use connections to an address that a server has left.
    fn publish(&self, place: Place, news: News<'_>) {
        let Some(shared) = self.shared.upgrade() else { return };
        let (moved, ends) = servers::resolved(&shared.herald, &self.live, place, &news);
        shared.end_streams(&ends);
        if moved && let Some(pool) = self.live.pool(place.0, place.1) {
            pool.clear();
        }
    }
}

/// Asks for a name again and again while a server goes by it.
async fn keep_asking(section: Near<Section>, name: Rc<Name>) {
    loop {
        let Some(present) = section.upgrade() else { return };
        if name.servers.borrow().is_empty() {
            return;
        }
        let pause = Duration::from_millis(present.config.resolve_ms);
        if !name.busy.get() {
            present.ask(&name).await;
        }
        drop(present);
        // Whichever comes first.
        let _ = tokio::time::timeout(pause, name.wake.notified()).await;
    }
}

impl Name {
    fn new(key: Key) -> Name {
        Name {
            key,
            servers: RefCell::default(),
            waiting: RefCell::default(),
            addresses: RefCell::default(),
            services: RefCell::default(),
            valid_at: Cell::new(None),
            busy: Cell::new(false),
            wake: Notify::new(),
        }
    }

    /// Whether the last valid answer is not older than that.
    fn is_fresh(&self, hold_ms: u64) -> bool {
        self.valid_at.get().is_some_and(|at| at.elapsed() < Duration::from_millis(hold_ms))
    }

    /// Takes a valid answer in. What it does not say any more is forgotten after a while.
    fn learn(&self, records: Records, obsolete_ms: u64) {
        let now = Instant::now();
        let stays = |seen: &Instant| *seen == now || seen.elapsed() < Duration::from_millis(obsolete_ms);
        match records {
            Records::Addresses(found) => {
                let mut known = self.addresses.borrow_mut();
                for ip in found {
                    match known.iter_mut().find(|(other, _)| *other == ip) {
                        Some((_, seen)) => *seen = now,
                        None => known.push((ip, now)),
                    }
                }
                known.retain(|(_, seen)| stays(seen));
            }
            Records::Services(found) => {
                let mut known = self.services.borrow_mut();
                for service in found {
                    let same = |other: &Service| other.target == service.target && other.port == service.port;
                    match known.iter_mut().find(|(other, _)| same(other)) {
                        Some(entry) => *entry = (service, now),
                        None => known.push((service, now)),
                    }
                }
                known.retain(|(_, seen)| stays(seen));
            }
        }
        self.valid_at.set(Some(now));
    }

    /// An address for a stream.
    fn best(&self, prefer: IpFamily) -> Option<IpAddr> {
        let addresses: Vec<IpAddr> = self.addresses.borrow().iter().map(|(ip, _)| *ip).collect();
        pick(&addresses, &Wish { prefer: Some(prefer), nets: &[], current: None, taken: &[], shares: true })
    }
}
