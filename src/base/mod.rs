//! Plain values everything else stands on: durations and sizes as HAProxy writes them, ids, networks, typed sample values, the clock.

pub mod addr;
pub mod arguments;
pub mod clock;
pub mod duration;
pub mod hash;
pub mod hex;
pub mod id;
pub mod ipnet;
pub mod iptext;
pub mod log_formats;
pub mod size;
pub mod stick;
pub mod tcp_info;
pub mod tls_error;
pub mod userlist;
pub mod value;
pub mod varint;
