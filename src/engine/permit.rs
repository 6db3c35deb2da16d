//! Connection limits (`maxconn` of the process, of frontends and of `bind` lines): a connection is accepted only with a permit.
//!
//! When there is none, listeners sleep and the connections wait in the kernel's backlog, as with HAProxy.

use std::future::poll_fn;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering::Relaxed, Ordering::SeqCst};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Poll, Waker};

use super::core::Shared;
use super::live::Live;
use crate::base::id::{BindId, ProxyId};
use crate::state::{BindState, Process, ProxyState};

/// Who waits for a permit.
#[derive(Default)]
pub struct Permits {
    /// Somebody waits: lets a release skip the lock.
    wanted: AtomicBool,
    waiters: Mutex<Vec<Waker>>,
}

/// A connection's place in the counts of its listener, its frontend and the process; given back when dropped.
pub struct Permit {
    shared: Arc<Shared>,
    bind: Arc<BindState>,
    proxy: Arc<ProxyState>,
    process: Arc<Process>,
}

impl Permit {
    /// Takes a permit, if all three limits allow one more connection.
    pub fn take(shared: &Arc<Shared>, live: &Live, frontend: ProxyId, bind: BindId) -> Option<Permit> {
        let proxy = live.ir.proxy(frontend);
        let state = live.view.proxy(frontend);
        let line = proxy.binds.get(bind.index())?;
        let process = &live.view.process;
        let bind = state.binds.get(bind.index())?;
        let limit = process.maxconn.load(Relaxed);
        if !enter(&process.connections, Some(limit)) {
            process.maxconn_reached.fetch_add(1, Relaxed);
            return None;
        }
        let own = state.maxconn.load(Relaxed);
        if !enter(&state.fe_current, Some(if own > 0 { own } else { limit })) {
            process.connections.fetch_sub(1, Relaxed);
            return None;
        }
        if !enter(&bind.current, line.maxconn) {
            process.connections.fetch_sub(1, Relaxed);
            state.fe_current.fetch_sub(1, Relaxed);
            return None;
        }
        raise(&state.fe_current_max, state.fe_current.load(Relaxed));
        raise(&bind.current_max, bind.current.load(Relaxed));
        Some(Permit { shared: shared.clone(), bind: bind.clone(), proxy: state.clone(), process: process.clone() })
    }

    /// Waits until a permit can be taken. `live` is asked each time, for the configuration may change meanwhile.
    pub async fn wait(shared: &Arc<Shared>, live: impl Fn() -> Arc<Live>, frontend: ProxyId, bind: BindId) -> Permit {
        poll_fn(|cx| {
            if let Some(permit) = Permit::take(shared, &live(), frontend, bind) {
                return Poll::Ready(permit);
            }
            shared.permits.enlist(cx.waker());
            // A permit may have been given back before the waker stood in the list.
            match Permit::take(shared, &live(), frontend, bind) {
                Some(permit) => Poll::Ready(permit),
                None => Poll::Pending,
            }
        })
        .await
    }

    /// The frontend's state.
    pub fn proxy(&self) -> &Arc<ProxyState> {
        &self.proxy
    }

    /// The listener's state.
    pub fn bind(&self) -> &Arc<BindState> {
        &self.bind
    }

    /// The process's state.
    pub fn process(&self) -> &Arc<Process> {
        &self.process
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        self.bind.current.fetch_sub(1, Relaxed);
        self.proxy.fe_current.fetch_sub(1, Relaxed);
        self.process.connections.fetch_sub(1, SeqCst);
        self.shared.permits.poke();
    }
}

impl Permits {
    fn enlist(&self, waker: &Waker) {
        let mut waiters = self.waiters.lock().unwrap_or_else(PoisonError::into_inner);
        if !waiters.iter().any(|other| other.will_wake(waker)) {
            waiters.push(waker.clone());
        }
        self.wanted.store(true, SeqCst);
    }

    /// Lets all who wait try again.
    pub fn poke(&self) {
        if self.wanted.load(SeqCst) && self.wanted.swap(false, SeqCst) {
            let waiters = std::mem::take(&mut *self.waiters.lock().unwrap_or_else(PoisonError::into_inner));
            waiters.into_iter().for_each(Waker::wake);
        }
    }
}

/// Raises a maximum.
#[inline]
pub fn raise(max: &AtomicU32, value: u32) {
    if value > max.load(Relaxed) {
        max.fetch_max(value, Relaxed);
    }
}

/// Adds one unless the limit is reached.
#[inline]
pub fn enter(count: &AtomicU32, limit: Option<u32>) -> bool {
    let limit = limit.unwrap_or(u32::MAX);
    if count.fetch_add(1, SeqCst) < limit {
        return true;
    }
    count.fetch_sub(1, SeqCst);
    false
}
