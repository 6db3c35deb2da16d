//! The statistics of proxies, listeners and servers: rows, CSV, and the page of `stats enable`.

pub mod columns;
pub mod csv;
pub mod html;
pub mod page;
pub mod rows;
pub mod tags;
pub mod typed;
