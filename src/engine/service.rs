//! The seam to layers above that answer requests themselves: the statistics page, metrics. They register at start.

use crate::base::id::{CoreId, ProxyId};
use crate::expr::Ctx;
use crate::ir::Ir;

/// Answers requests for the statistics page and for metrics.
pub trait Service: Send + Sync {
    /// Writes a complete HTTP/1.1 response (head and body, framed by `content-length`) to `out`. The engine has already matched
    /// `stats uri` and run the `stats http-request` rules; `stats auth` and what the page shows are the service's business.
    fn answer(&self, call: &Call<'_>, out: &mut Vec<u8>);

    /// Writes a complete response with the metrics that the target asks for. False if it asks for what there is not.
    fn metrics(&self, target: &[u8], out: &mut Vec<u8>) -> bool;
}

/// One request for the statistics page.
pub struct Call<'a> {
    /// The configuration.
    pub ir: &'a Ir,
    /// The proxy whose `stats` lines matched.
    pub proxy: ProxyId,
    /// The core that serves the request.
    pub core: CoreId,
    /// The request and everything known of it; states and counters are in `ctx.view`.
    pub ctx: Ctx<'a>,
    /// The request body, up to `tune.bufsize`: a form that was posted.
    pub body: &'a [u8],
}
