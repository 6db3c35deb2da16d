//! The map converters: look a value up in a file of keys and values (manual 7.3.1 `map`).

use std::sync::Arc;

use crate::base::value::{Type, Value};
use crate::diag::Word;
use crate::expr::acl::pattern_text;
use crate::expr::lists::{Declared, Lists};
use crate::expr::{BindConvert, Convert, ConvertFn, args};
use crate::keyword::{Error, FileRef, Hosts, Meta, Result, Scope, Words};
use crate::pattern::regex::{Groups, expand};
use crate::pattern::{Builder, MatchKind, PatternSet, file};
use crate::state::Map;
use crate::state::patterns::{MapValue, Member};

macro_rules! text_examples {
    ("int") => {
        &[("int(5),map_int(/map)", "value of 5")]
    };
    ("ip") => {
        &[("ipv4(10.0.0.9),map_ip(/map)", "value of 10")]
    };
    ("dom") => {
        &[("str(www.b.c),map_dom(/map)", "value of b")]
    };
    ("dir") => {
        &[("str(/a/b/c),map_dir(/map)", "value of b")]
    };
    ("beg") => {
        &[("str(b.c),map_beg(/map)", "value of b")]
    };
    ("end") => {
        &[("str(ab),map_end(/map)", "value of b")]
    };
    ($kind:tt) => {
        &[(concat!("str(b),map_", $kind, "(/map)"), "value of b")]
    };
}
macro_rules! int_examples {
    ("int") => {
        &[("int(5),map_int_int(/ints,7)", "5"), ("int(6),map_int_int(/ints,7)", "7")]
    };
    ("ip") => {
        &[("ipv4(10.0.0.9),map_ip_int(/ints)", "10")]
    };
    ($kind:tt) => {
        &[(concat!("str(b),map_", $kind, "_int(/ints)"), "98")]
    };
}
macro_rules! ip_examples {
    ("int") => {
        &[("int(5),map_int_ip(/ips)", "192.0.2.5")]
    };
    ("ip") => {
        &[("ipv4(10.0.0.9),map_ip_ip(/ips)", "192.0.2.10")]
    };
    ($kind:tt) => {
        &[(concat!("str(b),map_", $kind, "_ip(/ips)"), "2001:db8::b")]
    };
}
macro_rules! key_examples {
    ("int") => {
        &[("int(5),map_int_key(/map)", "5")]
    };
    ("ip") => {
        &[("ipv4(10.0.0.9),map_ip_key(/map)", "10.0.0.0/8")]
    };
    ($kind:tt) => {
        &[(concat!("str(b),map_", $kind, "_key(/map)"), "b")]
    };
}

macro_rules! maps {
    ($($kind:tt $matches:expr, $takes:expr, $usage:literal, $doc:literal;)*) => {
        pub(super) static CONVERTERS: &[Convert] = &[
            map(
                Meta::new("map", "map(<map_name>[,<default_value>])", "The value of the key that equals the input, else the default.",
                    &[("str(b),map(/map)", "value of b"), ("str(z),map(/map,none)", "none"), ("str(z),map(/map)", "")]),
                Type::Str, Type::Str, |words, scope| bind(words, scope, MatchKind::Str, Output::Text),
            ),
            map(
                Meta::new("map_regm", "map_regm(<map_name>[,<default_value>])",
                    "The value of the first expression that matches the input, with its groups for \\1 to \\9.",
                    &[("str(b),map_regm(/map)", "value of b")]),
                Type::Str, Type::Str, |words, scope| bind(words, scope, MatchKind::Reg, Output::Groups),
            ),
            $(
                map(
                    Meta::new(concat!("map_", $kind), concat!("map_", $kind, $usage), $doc, text_examples!($kind)),
                    $takes, Type::Str, |words, scope| bind(words, scope, $matches, Output::Text),
                ),
                map(
                    Meta::new(concat!("map_", $kind, "_int"), concat!("map_", $kind, "_int", $usage), concat!($doc, " The value is an integer."), int_examples!($kind)),
                    $takes, Type::Int, |words, scope| bind(words, scope, $matches, Output::Int),
                ),
                map(
                    Meta::new(concat!("map_", $kind, "_ip"), concat!("map_", $kind, "_ip", $usage), concat!($doc, " The value is an address."), ip_examples!($kind)),
                    $takes, Type::Addr, |words, scope| bind(words, scope, $matches, Output::Ip),
                ),
                map(
                    Meta::new(concat!("map_", $kind, "_key"), concat!("map_", $kind, "_key(<map_name>)"), concat!($doc, " What is yielded is the key."), key_examples!($kind)),
                    $takes, Type::Str, |words, scope| bind(words, scope, $matches, Output::Key),
                ),
            )*
        ];
    };
}

maps! {
    "str" MatchKind::Str, Type::Str, "(<map_name>[,<default_value>])", "The value of the key that equals the input, else the default.";
    "beg" MatchKind::Beg, Type::Str, "(<map_name>[,<default_value>])", "The value of the longest key that the input begins with, else the default.";
    "end" MatchKind::End, Type::Str, "(<map_name>[,<default_value>])", "The value of the key that the input ends with, else the default.";
    "sub" MatchKind::Sub, Type::Str, "(<map_name>[,<default_value>])", "The value of the first key that the input contains, else the default.";
    "dir" MatchKind::Dir, Type::Str, "(<map_name>[,<default_value>])", "The value of the first key that is part of the input between slashes, else the default.";
    "dom" MatchKind::Dom, Type::Str, "(<map_name>[,<default_value>])", "The value of the first key that is part of the input between dots, else the default.";
    "reg" MatchKind::Reg, Type::Str, "(<map_name>[,<default_value>])", "The value of the first expression that matches the input, else the default.";
    "int" MatchKind::Int, Type::Int, "(<map_name>[,<default_value>])", "The value of the first number or range that holds the input, else the default.";
    "ip" MatchKind::Ip, Type::Addr, "(<map_name>[,<default_value>])", "The value of the narrowest network around the input, else the default.";
}

/// What is made of the value of a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Output {
    Text,
    Int,
    Ip,
    Key,
    /// Text whose `\N` are the groups of the match.
    Groups,
}

impl Output {
    fn of(self, text: &[u8]) -> Option<Value<'static>> {
        let text = Value::string(text.to_vec());
        match self {
            Output::Int => text.cast(Type::Int),
            Output::Ip => text.cast(Type::Addr),
            Output::Text | Output::Key | Output::Groups => Some(text),
        }
    }

    /// What values must be.
    fn wants(self) -> MapValue {
        match self {
            Output::Int => MapValue::Int,
            Output::Ip => MapValue::Ip,
            Output::Text | Output::Key | Output::Groups => MapValue::Text,
        }
    }

    /// Whether a value of the file can be used.
    fn accepts(self, text: &[u8]) -> bool {
        self.wants().accepts(text)
    }
}

const fn map(meta: Meta, takes: Type, out: Type, bind: BindConvert) -> Convert {
    Convert::new(meta, takes, out, bind)
}

fn bind(words: &mut Words<'_>, scope: &Scope<'_>, kind: MatchKind, output: Output) -> Result<ConvertFn> {
    let name = args::word(words, "map file")?;
    let default = match args::opt_word(words) {
        None => None,
        Some(word) if output == Output::Key => {
            let error = args::error(word.span, "a converter that yields the key takes no default value");
            return Err(error);
        }
        Some(word) if !output.accepts(word.as_bytes()) => {
            let what = if output == Output::Int { "an integer" } else { "an address" };
            return Err(args::error(word.span, format!("default value '{}' is not {what}", word.as_str())));
        }
        Some(word) => output.of(word.as_bytes()),
    };
    let list = list(name, scope, kind, output)?;
    Ok(Box::new(move |_, value| list.read(|set| look_up(set, kind, output, value)).or_else(|| default.clone())))
}

/// The map of that name and method, and the request to read its file.
fn list(name: &Word, scope: &Scope<'_>, kind: MatchKind, output: Output) -> Result<Arc<Map>> {
    let text = name.as_str();
    let (path, optional) = match (text.strip_prefix("file@"), text.strip_prefix("opt@")) {
        (Some(path), _) => (path, false),
        (_, Some(path)) => (path, true),
        _ => (text, false),
    };
    if path.is_empty() {
        return Err(args::error(name.span, "a map needs the name of a file"));
    }
    let mut is_new = false;
    let list = scope.intern(&format!("map {path} {}", kind.name()), || {
        is_new = true;
        let empty = Builder::new(kind, false).finish();
        let empty = empty.map_err(|error| args::error(name.span, pattern_text(&error, kind)))?;
        Ok::<_, Error>(Map::new(path, empty))
    })?;
    let member = Member::Map(list.clone(), output.wants());
    Lists::note(scope, Declared { path: Some(path.into()), id: None, keyword: None, span: name.span, member });
    if path.starts_with("virt@") {
        return Ok(list);
    }
    // Each converter checks the values that it needs; the first also fills the map.
    let into = is_new.then(|| Arc::clone(&list));
    // Unlike ACLs, maps hold no host names.
    let load = Box::new(move |bytes: &[u8], _: &dyn Hosts| {
        let set = read(bytes, kind, output)?;
        if let Some(into) = into {
            into.replace(set);
        }
        Ok(())
    });
    scope.files.borrow_mut().push(FileRef { path: Some(path.to_owned()), span: name.span, optional, load });
    Ok(list)
}

fn read(bytes: &[u8], kind: MatchKind, output: Output) -> std::result::Result<PatternSet<Box<[u8]>>, String> {
    let mut builder = Builder::new(kind, false);
    for line in file::map_lines(bytes) {
        if !output.accepts(line.value) {
            let value = String::from_utf8_lossy(line.value);
            let what = if output == Output::Int { "an integer" } else { "an address" };
            return Err(format!("'{value}' is not {what} at line {}", line.line));
        }
        builder
            .push(line.key, line.value.into())
            .map_err(|error| format!("{} at line {}", pattern_text(&error, kind), line.line))?;
    }
    builder.finish().map_err(|error| pattern_text(&error, kind))
}

fn look_up(set: &PatternSet<Box<[u8]>>, kind: MatchKind, output: Output, value: Value<'_>) -> Option<Value<'static>> {
    if output == Output::Groups {
        let Value::Str(text) = value else { return None };
        let mut groups = Groups::new();
        let hit = set.captures(&text, &mut groups)?;
        let mut out = Vec::new();
        expand(hit.value, &text, &groups, &mut out);
        return Some(Value::string(out));
    }
    let hit = match (kind, value) {
        (MatchKind::Int, Value::Int(n)) => set.find_int(n),
        (MatchKind::Ip, Value::Ipv4(ip)) => set.find_ip(ip.into()),
        (MatchKind::Ip, Value::Ipv6(ip)) => set.find_ip(ip.into()),
        (_, Value::Str(text)) => set.find(&text),
        _ => None,
    }?;
    output.of(if output == Output::Key { hit.text } else { hit.value })
}
