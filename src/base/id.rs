//! Dense ids: indexes into the tables of one loaded configuration.

macro_rules! id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub struct $name(pub u32);

        impl $name {
            /// The id as an index.
            pub fn index(self) -> usize {
                self.0 as usize
            }
        }
    };
}

id!(
    /// A frontend, backend or listen section: index into `Ir::proxies` and `View::proxies`.
    ProxyId
);
id!(
    /// A server: index into its proxy's `servers`.
    ServerId
);
id!(
    /// A `bind` listener: index into its proxy's `binds`.
    BindId
);
id!(
    /// A userlist: index into `Ir::userlists`.
    UserlistId
);
id!(
    /// A worker core (thread): index into per-core arrays.
    CoreId
);
id!(
    /// A stick table: index into `Ir::tables` and `View::tables`.
    TableId
);
