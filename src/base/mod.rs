//! Plain values everything else stands on: durations and sizes as HAProxy writes them, ids, networks, typed sample values, the clock.

pub mod id;
pub mod value;
