//! All directives and options as a list, for the reference, the coverage and `-dK`.

use super::{bind, global, proxy, server, userlist};
use crate::keyword::known::Class;
use crate::keyword::{Meta, Sections};

/// One directive or option.
#[derive(Clone, Copy, Debug)]
pub struct Entry {
    /// A directive of `global`, of a proxy or of another section; an option of `bind` or `server`.
    pub class: Class,
    /// Name, usage, documentation, examples, status.
    pub meta: &'static Meta,
    /// Where it may stand.
    pub sections: Sections,
}

/// Every entry of every table, family by family.
pub fn entries() -> impl Iterator<Item = Entry> {
    macro_rules! list {
        ($class:expr, $families:expr) => {
            $families.iter().flat_map(|family| family.iter()).map(|setting| Entry {
                class: $class,
                meta: &setting.meta,
                sections: setting.sections,
            })
        };
    }
    list!(Class::Global, global::FAMILIES)
        .chain(list!(Class::Proxy, proxy::FAMILIES))
        .chain(list!(Class::Bind, bind::FAMILIES))
        .chain(list!(Class::Server, server::FAMILIES))
        .chain(list!(Class::Other, userlist::FAMILIES))
}
