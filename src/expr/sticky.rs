//! What fetches, converters and actions ask of entries of stick tables: one description for the whole family of `sc_*`, `src_*`
//! and `table_*`.

use crate::base::stick::DataType;
use crate::state::Tracking;
use crate::state::stick_table::{Entry, Table};

/// What is asked of an entry.
#[derive(Clone, Copy)]
pub(super) struct Measure {
    /// The number or rate.
    pub(super) data: DataType,
    /// What is done with it.
    pub(super) op: Op,
}

/// What is done with a number of an entry.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Op {
    /// It is read.
    Read,
    /// It is read in units of 1024.
    Kilo,
    /// It is incremented, with the rate that follows it; the new value is read.
    Increment,
    /// It is set to 0; the value before is read.
    Clear,
}

impl Measure {
    pub(super) const fn read(data: DataType) -> Measure {
        Measure { data, op: Op::Read }
    }

    pub(super) const fn kilo(data: DataType) -> Measure {
        Measure { data, op: Op::Kilo }
    }

    pub(super) const fn increment(data: DataType) -> Measure {
        Measure { data, op: Op::Increment }
    }

    pub(super) const fn clear(data: DataType) -> Measure {
        Measure { data, op: Op::Clear }
    }

    /// Whether the entry is changed, and made if there is none.
    pub(super) fn changes(self) -> bool {
        matches!(self.op, Op::Increment | Op::Clear)
    }

    /// The value; `None` if the table does not store it.
    pub(super) fn of(self, table: &Table, entry: &Entry, element: u16, now_ms: u64) -> Option<i64> {
        let mut open = table.open(entry, now_ms);
        let value = match self.op {
            Op::Read if self.data.is_byte_rate() => {
                open.value(self.data, element)? * u64::from(table.spec().brates_factor)
            }
            Op::Read => open.value(self.data, element)?,
            Op::Kilo => open.value(self.data, element)? >> 10,
            Op::Increment => {
                let rate = rate_of(self.data).and_then(|rate| open.add(rate, element, 1));
                open.add(self.data, element, 1).or(rate)?
            }
            Op::Clear => open.set(self.data, element, 0)?,
        };
        if self.changes() {
            entry.touch(now_ms);
        }
        Some(value as i64)
    }

    /// The value for a key; 0 if the key is not in the table.
    pub(super) fn of_key(self, table: &Table, key: &[u8], element: u16, now_ms: u64) -> Option<i64> {
        let entry = if self.changes() { table.obtain(key, now_ms) } else { table.find(key, now_ms) };
        match entry {
            Some(entry) => self.of(table, &entry, element, now_ms),
            None => Some(0),
        }
    }

    /// The value of a counter: in its own table, or for its key in another.
    pub(super) fn of_counter(
        self,
        tracking: &Tracking,
        other: Option<&Table>,
        element: u16,
        now_ms: u64,
    ) -> Option<i64> {
        match other.filter(|other| !std::ptr::eq(*other, &**tracking.table())) {
            None => self.of(tracking.table(), tracking.entry(), element, now_ms),
            Some(other) => {
                let key = other.key(tracking.table().value_of(tracking.entry().key()))?;
                self.of_key(other, &key, element, now_ms)
            }
        }
    }
}

/// The rate that grows with a general purpose counter.
pub fn rate_of(counter: DataType) -> Option<DataType> {
    match counter {
        DataType::Gpc0 => Some(DataType::Gpc0Rate),
        DataType::Gpc1 => Some(DataType::Gpc1Rate),
        DataType::Gpc => Some(DataType::GpcRate),
        _ => None,
    }
}
