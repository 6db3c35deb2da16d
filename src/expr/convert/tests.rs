//! The table test of the converters. Expected values were seen on HAProxy 2.8 where it has the converter.

use super::*;
use crate::diag::Span;
use crate::expr::Expr;
use crate::expr::fixture::{Config, World};
use crate::keyword::known::{self, Class};
use crate::keyword::{Hook, Status};

/// Evaluates an expression; the files that it names hold what `content` says.
fn evaluate(text: &str, content: &dyn Fn(&str) -> String) -> std::result::Result<String, String> {
    let config = Config::new();
    let word = Word::new(text, Span::nowhere());
    let expr = Expr::bind_str(&word, &config.scope(Hook::HttpRequest)).map_err(|error| error.message.clone())?;
    for file in config.files.take() {
        (file.load)(content(&file.path.unwrap()).as_bytes(), &())?;
    }
    let world = World::new().with_variables(&config);
    let mut out = Vec::new();
    expr.with_value(&world.ctx(), |value| value.write_to(&mut out));
    Ok(String::from_utf8(out).unwrap())
}

/// Files for the examples of a map converter: `/map`, `/ints` and `/ips` with keys that fit its method.
fn map_file(name: &str, path: &str) -> String {
    let int = name.starts_with("map_int");
    let ip = name == "map_ip" || name.starts_with("map_ip_");
    let (key, text, number, address) = match (int, ip) {
        (true, _) => ("5", "5", "5", "192.0.2.5"),
        (_, true) => ("10.0.0.0/8", "10", "10", "192.0.2.10"),
        _ => ("b", "b", "98", "2001:db8::b"),
    };
    match path {
        "/ints" => format!("{key} {number}\n"),
        "/ips" => format!("{key} {address}\n"),
        _ => format!("# comment\n{key}  value of {text} \n"),
    }
}

#[test]
fn every_example_of_a_converter_yields_what_it_says() {
    let mut wrong = Vec::new();
    for convert in all() {
        let name = convert.meta.name;
        assert!(convert.meta.status != Status::Supported || !convert.meta.examples.is_empty(), "{name} has no example");
        for (text, expected) in convert.meta.examples {
            assert!(text.contains(name), "{text} does not show {name}");
            match evaluate(text, &|path| map_file(name, path)) {
                Ok(found) if found == *expected => {}
                Ok(found) => wrong.push(format!("{text}: expected {expected:?}, found {found:?}")),
                Err(error) => wrong.push(format!("{text}: {error}")),
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn the_tables_agree_with_the_types_of_haproxy() {
    let mut names = std::collections::HashSet::new();
    for convert in all() {
        let name = convert.meta.name;
        assert!(names.insert(name), "{name} stands twice");
        assert!(convert.meta.doc.ends_with('.'), "{name}");
        let known = known::find(Class::Converter, name).unwrap_or_else(|| panic!("{name} is no converter of 3.4"));
        // `(args): out => in`
        let types = known.signature.rsplit(": ").next().unwrap_or_default();
        assert_eq!(types, format!("{} => {}", convert.out.name(), convert.takes.name()), "{name}");
    }
}

#[test]
fn wrong_arguments_are_explained() {
    let error = |text: &str| evaluate(text, &|_| String::new()).unwrap_err();
    assert_eq!(error("int(5),add(abc)"), "invalid args in converter 'add' : expects an integer or a variable name");
    assert_eq!(error("str(a),field(0,_)"), "invalid args in converter 'field' : Unexpected value 0 for index");
    assert_eq!(error("str(a),field(1,'')"), "invalid args in converter 'field' : Empty separators list");
    assert_eq!(
        error("str(a),field(1)"),
        "invalid arg 2 in converter 'field' : missing arguments (got 1/2), type 'string' expected"
    );
    assert_eq!(
        error("str(a),regsub(b,X,q)"),
        "invalid args in converter 'regsub' : invalid regex flag 'q', only 'i' and 'g' are supported"
    );
    assert_eq!(error("str(a),sha2(100)"), "invalid args in converter 'sha2' : Unsupported number of bits: '100'");
    assert_eq!(error("bin(00),be2dec(:,9)"), "invalid args in converter 'be2dec' : chunk_size out of [1..8] range (9)");
    assert_eq!(error("str(a),json_query('')"), "invalid args in converter 'json_query' : json_path must not be empty");
    assert_eq!(
        error("int(1),http_date(0,x)"),
        "invalid args in converter 'http_date' : expects 's', 'ms' or 'us', got 'x'"
    );
}

#[test]
fn a_map_refuses_values_of_another_type() {
    let content = |_: &str| "a 1\nb x\n".to_owned();
    assert_eq!(evaluate("str(a),map_str_int(/m)", &content).unwrap_err(), "'x' is not an integer at line 2");
    assert_eq!(evaluate("str(a),map_str_ip(/m)", &content).unwrap_err(), "'1' is not an address at line 1");
    assert_eq!(evaluate("str(a),map_str(/m)", &content).unwrap(), "1");
}

#[test]
fn groups_of_a_match_go_into_the_value() {
    let content = |_: &str| "^(.*)\\.example$ <\\1>\n".to_owned();
    assert_eq!(evaluate("str(a.example),map_regm(/m)", &content).unwrap(), "<a>");
    assert_eq!(evaluate("str(a.example),map_reg(/m)", &content).unwrap(), "<\\1>");
}
