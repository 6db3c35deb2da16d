//! What is counted for tracked entries of stick tables, and when (manual 11.1). Where nothing is tracked each costs a branch.

use super::fault::{Fault, Phase};
use super::session::Session;
use super::stream::{RequestAt, Stream};
use crate::base::stick::DataType;

/// The connection has become a session: the connection rules let it pass.
#[inline]
pub fn session(s: &Session) {
    s.facts.tracked.count(s.core.now_ms(), &[(DataType::SessCnt, 1), (DataType::SessRate, 1)]);
}

/// A request has begun. What its own rules will track counts it then.
#[inline]
pub fn request(s: &Session) {
    s.facts.tracked.count(s.core.now_ms(), &[(DataType::HttpReqCnt, 1), (DataType::HttpReqRate, 1)]);
}

/// A rule refused the request.
#[inline]
pub fn denied(s: &Session, st: &Stream) {
    count(s, st, &[(DataType::HttpErrCnt, 1), (DataType::HttpErrRate, 1)]);
}

/// The server has answered.
#[inline]
pub fn response(s: &Session, st: &Stream) {
    let now = s.core.now_ms();
    for tracking in s.facts.tracked.iter().chain(st.facts.tracked.iter()) {
        tracking.count_response(now, st.res.status);
    }
}

/// Something went wrong: an invalid or truncated request is an error of the client, such a response a failure of the server.
#[inline]
pub fn fault(s: &Session, st: &Stream, fault: Fault, phase: Phase) {
    if st.request == RequestAt::Raw {
        return;
    }
    match (fault, phase) {
        (Fault::BadRequest(_), _) | (Fault::ClientTimeout | Fault::ClientAbort, Phase::Request) => denied(s, st),
        (Fault::BadResponse | Fault::ServerAbort, Phase::Headers) => {
            count(s, st, &[(DataType::HttpFailCnt, 1), (DataType::HttpFailRate, 1)]);
        }
        _ => {}
    }
}

/// The stream has ended: its bytes count.
#[inline]
pub fn ended(s: &Session, st: &Stream) {
    let facts = &st.facts;
    count(
        s,
        st,
        &[
            (DataType::BytesInCnt, facts.bytes_in),
            (DataType::BytesInRate, facts.bytes_in),
            (DataType::BytesOutCnt, facts.bytes_out),
            (DataType::BytesOutRate, facts.bytes_out),
        ],
    );
}

fn count(s: &Session, st: &Stream, events: &[(DataType, u64)]) {
    if s.facts.tracked.is_empty() && st.facts.tracked.is_empty() {
        return;
    }
    let now = s.core.now_ms();
    s.facts.tracked.count(now, events);
    st.facts.tracked.count(now, events);
}
