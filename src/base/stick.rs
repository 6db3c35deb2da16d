//! Stick tables as they are declared (manual 11.1): types of keys and of data, sizes. What a table holds lives in `state`.

use std::fmt;
use std::sync::Arc;

use super::value::Type;

/// A declaration: what a table can hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TableSpec {
    /// The name of the section that declares it.
    pub name: Arc<str>,
    /// What keys are.
    pub key: KeyType,
    /// The most bytes of a key that is text, and the length of one that is binary.
    pub len: usize,
    /// The most entries.
    pub size: u32,
    /// How long an entry that is not used stays; `None` until it has to make room.
    pub expire_ms: Option<u64>,
    /// A full table refuses new entries instead of dropping old ones.
    pub nopurge: bool,
    /// By what servers are known in entries.
    pub server_key: ServerKey,
    /// Rates of bytes count blocks of so many.
    pub brates_factor: u32,
    /// What an entry holds besides the key, in the order of [`DataType`].
    pub store: Vec<Stored>,
}

/// Data that a table stores.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Stored {
    /// What it is.
    pub data: DataType,
    /// How many of it: 1 but for arrays.
    pub elements: u16,
    /// The period of a rate; else 0.
    pub period_ms: u32,
}

/// What keys are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyType {
    /// `ip`, `ipv4`
    Ipv4,
    /// `ipv6`
    Ipv6,
    /// `integer`
    Integer,
    /// `string`
    String,
    /// `binary`
    Binary,
}

/// `srvkey`: by what servers are known.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ServerKey {
    /// `name`
    #[default]
    Name,
    /// `addr`
    Addr,
}

/// The form of a type of data.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    /// One number.
    Number,
    /// Events per period.
    Rate,
    /// Several numbers: `gpc(3)`.
    Numbers,
    /// Several rates: `gpc_rate(3,10s)`.
    Rates,
    /// The name of a server, which is kept beside the numbers.
    Server,
}

macro_rules! data_types {
    ($($variant:ident $name:literal $shape:ident,)*) => {
        /// What a table can store with a key, in the order in which `show table` lists it.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[repr(u8)]
        pub enum DataType {
            $(#[doc = concat!("`", $name, "`")] $variant,)*
        }

        impl DataType {
            /// All of them.
            pub const ALL: &'static [DataType] = &[$(DataType::$variant),*];

            /// As written behind `store`.
            pub const fn name(self) -> &'static str {
                match self { $(DataType::$variant => $name,)* }
            }

            /// Its form.
            pub const fn shape(self) -> Shape {
                match self { $(DataType::$variant => Shape::$shape,)* }
            }
        }
    };
}

data_types! {
    ServerId "server_id" Number,
    Gpt0 "gpt0" Number,
    Gpc0 "gpc0" Number,
    Gpc0Rate "gpc0_rate" Rate,
    ConnCnt "conn_cnt" Number,
    ConnRate "conn_rate" Rate,
    ConnCur "conn_cur" Number,
    SessCnt "sess_cnt" Number,
    SessRate "sess_rate" Rate,
    HttpReqCnt "http_req_cnt" Number,
    HttpReqRate "http_req_rate" Rate,
    HttpErrCnt "http_err_cnt" Number,
    HttpErrRate "http_err_rate" Rate,
    BytesInCnt "bytes_in_cnt" Number,
    BytesInRate "bytes_in_rate" Rate,
    BytesOutCnt "bytes_out_cnt" Number,
    BytesOutRate "bytes_out_rate" Rate,
    Gpc1 "gpc1" Number,
    Gpc1Rate "gpc1_rate" Rate,
    ServerKey "server_key" Server,
    Gpt "gpt" Numbers,
    Gpc "gpc" Numbers,
    GpcRate "gpc_rate" Rates,
    HttpFailCnt "http_fail_cnt" Number,
    HttpFailRate "http_fail_rate" Rate,
    GlitchCnt "glitch_cnt" Number,
    GlitchRate "glitch_rate" Rate,
}

impl DataType {
    /// The type that is written so.
    pub fn find(name: &str) -> Option<DataType> {
        DataType::ALL.iter().copied().find(|data| data.name() == name)
    }

    /// The array that holds this where an array is stored instead, and its place there: `gpc0` is the first of `gpc`.
    pub const fn in_array(self) -> Option<(DataType, u16)> {
        match self {
            DataType::Gpt0 => Some((DataType::Gpt, 0)),
            DataType::Gpc0 => Some((DataType::Gpc, 0)),
            DataType::Gpc1 => Some((DataType::Gpc, 1)),
            DataType::Gpc0Rate => Some((DataType::GpcRate, 0)),
            DataType::Gpc1Rate => Some((DataType::GpcRate, 1)),
            _ => None,
        }
    }

    /// Counts bytes, of which a table may count blocks.
    pub const fn is_byte_rate(self) -> bool {
        matches!(self, DataType::BytesInRate | DataType::BytesOutRate)
    }
}

impl KeyType {
    /// The type that a key's expression is cast to.
    pub const fn value_type(self) -> Type {
        match self {
            KeyType::Ipv4 => Type::Ipv4,
            KeyType::Ipv6 => Type::Ipv6,
            KeyType::Integer => Type::Int,
            KeyType::String => Type::Str,
            KeyType::Binary => Type::Bin,
        }
    }

    /// As HAProxy lists it.
    pub const fn name(self) -> &'static str {
        match self {
            KeyType::Ipv4 => "ip",
            KeyType::Ipv6 => "ipv6",
            KeyType::Integer => "integer",
            KeyType::String => "string",
            KeyType::Binary => "binary",
        }
    }
}

impl TableSpec {
    /// A table of that name without entries' data.
    pub fn new(name: &str, key: KeyType) -> TableSpec {
        TableSpec {
            name: name.into(),
            key,
            len: 32,
            size: 0,
            expire_ms: None,
            nopurge: false,
            server_key: ServerKey::Name,
            brates_factor: 1,
            store: Vec::new(),
        }
    }

    /// Stores the server of an entry: what a table that `stick` rules use does.
    pub fn store_server(&mut self) {
        for data in [DataType::ServerId, DataType::ServerKey] {
            if self.store.iter().all(|stored| stored.data != data) {
                self.store.push(Stored { data, elements: 1, period_ms: 0 });
            }
        }
        self.store.sort_unstable();
    }
}

/// The directive, with what differs from the defaults.
impl fmt::Display for TableSpec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "stick-table type {}", self.key.name())?;
        if matches!(self.key, KeyType::String | KeyType::Binary) {
            write!(f, " len {}", self.len)?;
        }
        write!(f, " size {}", self.size)?;
        if let Some(expire) = self.expire_ms {
            write!(f, " expire {expire}")?;
        }
        if self.nopurge {
            f.write_str(" nopurge")?;
        }
        if self.server_key == ServerKey::Addr {
            f.write_str(" srvkey addr")?;
        }
        if self.brates_factor != 1 {
            write!(f, " brates-factor {}", self.brates_factor)?;
        }
        for (at, stored) in self.store.iter().enumerate() {
            f.write_str(if at == 0 { " store " } else { "," })?;
            f.write_str(stored.data.name())?;
            match stored.data.shape() {
                Shape::Number | Shape::Server => {}
                Shape::Rate => write!(f, "({})", stored.period_ms)?,
                Shape::Numbers => write!(f, "({})", stored.elements)?,
                Shape::Rates => write!(f, "({},{})", stored.elements, stored.period_ms)?,
            }
        }
        Ok(())
    }
}
