//! The table test of the actions: every example runs on the world of `expr::fixture`, and what it changed is written down.

use super::*;
use crate::base::stick::DataType;
use crate::expr::fixture::{Config, World, words};
use crate::expr::{Dir, Vars};
use crate::http::{Msg, MsgMut};
use crate::keyword::known::{self, Class};
use crate::keyword::{Hook, Status, VarSlot};

fn bind(text: &str, hook: Hook, config: &Config) -> std::result::Result<Rule, String> {
    let words = words(text);
    let mut cursor = Words::new(&words, crate::diag::Span::nowhere());
    Rule::bind(&mut cursor, hook, &config.scope(hook)).map_err(|error| error.message.clone())
}

/// A world whose capture slots are those of the configuration, empty.
fn world(config: &Config, hook: Hook) -> World {
    let mut world = World::new().with_variables(config);
    let response = matches!(hook, Hook::TcpResponseContent | Hook::HttpResponse | Hook::HttpAfterResponse);
    world.dir = if response { Dir::Response } else { Dir::Request };
    let slots = crate::expr::captures::CaptureSlots::of(crate::base::id::ProxyId(0), &config.scope(hook));
    world.stream.req_captures = vec![None; slots.all(Dir::Request).len()].into();
    world.stream.res_captures = vec![None; slots.all(Dir::Response).len().max(1)].into();
    world
}

/// Runs a rule and tells what it did.
fn run(rule: &Rule, world: &mut World, config: &Config) -> String {
    let before = Seen::of(world, config);
    let (mut reply, mut scratch, mut lookup) = (Vec::new(), Vec::new(), Lookup::None);
    let mut txn = Txn {
        now_ms: world.now_ms,
        wall_us: world.wall_us,
        conn: &mut world.conn,
        stream: &mut world.stream,
        req: Some(Half { raw: b"", head: &mut world.req }),
        res: Some(Half { raw: b"", head: &mut world.res }),
        req_bytes: Default::default(),
        res_bytes: Default::default(),
        vars: &mut world.vars,
        view: &world.view,
        dir: world.dir,
        last: true,
        reply: &mut reply,
        lookup: &mut lookup,
        scratch: &mut scratch,
    };
    let verdict = (rule.action)(&mut txn);
    assert!(scratch.is_empty(), "the scratch buffer is left empty");
    let reply = String::from_utf8(reply).unwrap();
    let reply = reply.trim_end_matches("\r\n").replace("\r\n", "|");
    match verdict {
        Verdict::Next => before.changes(&Seen::of(world, config)),
        Verdict::Wait(needs) => format!("wait {needs:?}"),
        Verdict::Pause(ms) => format!("pause {ms} ms"),
        Verdict::Gather { ms, at_least: 0 } => format!("body within {ms} ms"),
        Verdict::Gather { ms, at_least } => format!("{at_least} bytes of the body within {ms} ms"),
        Verdict::Resolve => match lookup {
            Lookup::Wanted(wanted) => format!("resolve {}", wanted.name),
            _ => "resolve nothing".to_owned(),
        },
        Verdict::Done(outcome) => match outcome {
            Final::Accept => "accept".to_owned(),
            Final::Metrics => "metrics".to_owned(),
            Final::Reject => "reject".to_owned(),
            Final::Close => "close".to_owned(),
            Final::Malformed => "malformed".to_owned(),
            Final::SwitchToHttp => "switch to http".to_owned(),
            Final::Deny(status) => format!("deny {status}"),
            Final::Tarpit(status) => format!("tarpit {status}"),
            Final::Challenge(status) => format!("challenge {status} {reply}"),
            Final::ReplyStatus(status) => format!("reply {status}"),
            Final::Reply(_) => format!("reply {reply}"),
            Final::DenyReply(_) => format!("deny reply {reply}"),
            Final::TarpitReply(_) => format!("tarpit reply {reply}"),
        },
    }
}

/// What actions can change, as text.
struct Seen {
    lines: Vec<String>,
    vars: Vec<(String, Option<String>)>,
    addresses: [String; 2],
    log_level: Option<u8>,
    settings: String,
    expects_proxy: bool,
    expects_netscaler: bool,
    marks: Vec<String>,
    captures: Vec<String>,
    counters: Vec<String>,
}

impl Seen {
    fn of(world: &World, config: &Config) -> Seen {
        let head = if world.dir == Dir::Request { &world.req } else { &world.res };
        let msg = Msg::new(b"", head);
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let start = match world.dir {
            Dir::Request => format!("{} {} HTTP/{}", text(msg.method()), text(msg.target()), msg.version()),
            Dir::Response => format!("HTTP/{} {} {}", msg.version(), msg.status(), text(msg.reason())),
        };
        let fields = msg.fields().map(|field| format!("{}: {}", text(field.name), text(field.value)));
        let end = |end: &crate::expr::Endpoint| match end {
            crate::expr::Endpoint::Ip(addr) => addr.to_string(),
            other => format!("{other:?}"),
        };
        let names = ["req.ua", "txn.none", "txn.old", "txn.new", "txn.from"];
        let counters = (0..3).map(|number| counter(world, number)).collect();
        let captures = match world.dir {
            Dir::Request => &world.stream.req_captures,
            Dir::Response => &world.stream.res_captures,
        };
        Seen {
            counters,
            lines: std::iter::once(start).chain(fields).collect(),
            vars: names.map(|name| (name.to_owned(), variable(&world.vars, config.var(name)))).to_vec(),
            addresses: [end(&world.conn.src), end(&world.conn.dst)],
            log_level: world.stream.log_level,
            settings: settings(&world.stream),
            marks: world.conn.rare.as_ref().map_or_else(Vec::new, |rare| marks("client", rare.marks)),
            expects_proxy: world.conn.expects_proxy,
            expects_netscaler: world.conn.expects_netscaler,
            captures: (0..captures.len())
                .map(|at| captures.value(at).map_or("-".to_owned(), |bytes| self::text(&bytes)))
                .collect(),
        }
    }

    fn changes(&self, after: &Seen) -> String {
        let gone = self.lines.iter().filter(|line| !after.lines.contains(line)).map(|line| format!("-{line}"));
        let mut all: Vec<String> = gone.collect();
        all.extend(after.lines.iter().filter(|line| !self.lines.contains(line)).map(|line| format!("+{line}")));
        for ((name, old), (_, new)) in self.vars.iter().zip(&after.vars) {
            match new {
                _ if old == new => {}
                Some(new) => all.push(format!("{name}={new}")),
                None => all.push(format!("{name} unset")),
            }
        }
        for (at, name) in ["src", "dst"].into_iter().enumerate() {
            if self.addresses[at] != after.addresses[at] {
                all.push(format!("{name} {}", after.addresses[at]));
            }
        }
        if let Some(level) = after.log_level.filter(|level| Some(*level) != self.log_level) {
            all.push(format!("log level {level}"));
        }
        if self.settings != after.settings {
            all.push(after.settings.clone());
        }
        if self.expects_proxy != after.expects_proxy {
            all.push("expects a PROXY header".to_owned());
        }
        if self.marks != after.marks {
            all.extend(after.marks.iter().cloned());
        }
        if self.expects_netscaler != after.expects_netscaler {
            all.push("expects a NetScaler header".to_owned());
        }
        all.extend(after.counters.iter().filter(|line| !self.counters.contains(line)).cloned());
        if self.captures != after.captures {
            all.push(format!("captures {}", after.captures.join("|")));
        }
        all.join(" ")
    }
}

/// What rules set for the stream only.
fn settings(facts: &crate::expr::StreamFacts) -> String {
    let mut all: Vec<String> = text(&facts.hints).lines().map(|line| format!("hint {line}")).collect();
    if let Some(set) = &facts.overrides {
        all.extend(set.server.map(|ms| format!("server {ms} ms")));
        all.extend(set.tunnel.map(|ms| format!("tunnel {ms} ms")));
        all.extend(set.retries.map(|count| format!("retries {count}")));
        all.extend(set.connect_retries_only.then(|| "retries of connections only".to_owned()));
        let (class, offset) = (set.priority_class, set.priority_offset);
        all.extend(marks("server", set.server_marks));
        all.extend(((class, offset) != (0, 0)).then(|| format!("priority {class} {offset}")));
    }
    all.join(" ")
}

fn marks(side: &str, marks: crate::expr::Marks) -> Vec<String> {
    let mark = marks.mark.map(|mark| format!("{side} mark {mark}"));
    mark.into_iter().chain(marks.tos.map(|tos| format!("{side} tos {tos}"))).collect()
}

/// What a sticky counter tracks, with its numbers.
fn counter(world: &World, number: u8) -> String {
    let Some(tracking) = world.stream.tracked.counter(number) else { return String::new() };
    let (mut key, open) = (Vec::new(), tracking.open(world.now_ms));
    tracking.table().value_of(tracking.entry().key()).write_to(&mut key);
    let mut out = format!("sc{number} {}", text(&key));
    for (data, element, name) in [
        (DataType::ConnCnt, 0, "conn_cnt"),
        (DataType::Gpc, 0, "gpc0"),
        (DataType::Gpc, 1, "gpc1"),
        (DataType::Gpt, 0, "gpt0"),
    ] {
        if let Some(value @ 1..) = open.value(data, element) {
            out.push_str(&format!(" {name}={value}"));
        }
    }
    out
}

fn variable(vars: &Vars, slot: VarSlot) -> Option<String> {
    let mut out = Vec::new();
    vars.value(slot)?.write_to(&mut out);
    Some(text(&out))
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[test]
fn every_example_of_an_action_does_what_it_says() {
    let mut wrong = Vec::new();
    for action in action::all().chain([&action::LITERAL_REDIRECT]).chain(action::OLD_LINES) {
        assert!(action.meta.status != Status::Supported || !action.meta.examples.is_empty(), "{}", action.meta.name);
        let hook = Hook::RULES.into_iter().rev().find(|hook| action.hooks.contains(Hooks::of(*hook))).unwrap();
        let hook = if action.hooks.contains(Hooks::HTTP_REQ) { Hook::HttpRequest } else { hook };
        for (line, expected) in action.meta.examples {
            let config = Config::new();
            let rule = if std::ptr::eq(action, &action::LITERAL_REDIRECT) {
                let words = words(line);
                let mut cursor = Words::new(&words[1..], crate::diag::Span::nowhere());
                Rule::bind_redirect(&mut cursor, &config.scope(hook)).map_err(|error| error.message.clone())
            } else if action::OLD_LINES.iter().any(|old| std::ptr::eq(old, action)) {
                let words = words(line);
                let mut cursor = Words::new(&words[1..], crate::diag::Span::nowhere());
                let rule = Rule::bind_line(&words[0], &mut cursor, &config.scope(hook)).unwrap();
                rule.map_err(|error| error.message.clone())
            } else {
                bind(line, hook, &config)
            };
            let found = match rule {
                Ok(rule) => run(&rule, &mut world(&config, hook), &config),
                Err(error) => error,
            };
            if found != *expected {
                wrong.push(format!("{line}\n  expected {expected}\n  found    {found}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn the_table_agrees_with_the_matrix_of_the_manual() {
    for known in known::all().iter().filter(|known| known.class == Class::Action) {
        let places: Vec<_> = known.place.split(',').map(str::trim).collect();
        let ours = action::all().filter(|action| action.meta.name == known.name);
        let hooks = ours.fold(Hooks::empty(), |hooks, action| hooks | action.hooks);
        for hook in Hook::RULES.into_iter().filter(|_| !hooks.is_empty()) {
            let (ours, theirs) = (hooks.contains(Hooks::of(hook)), places.contains(&hook.name()));
            assert_eq!(ours, theirs, "{} in {}", known.name, hook.name());
        }
    }
    for action in action::all() {
        assert!(known::find(Class::Action, action.meta.name).is_some(), "{} is no action", action.meta.name);
        assert!(action.meta.doc.ends_with('.'), "{}", action.meta.name);
        assert!(action.meta.usage.starts_with(action.meta.name), "{}", action.meta.name);
    }
}

#[test]
fn errors_are_worded_as_haproxy_words_them() {
    let config = Config::new();
    let error = |text: &str, hook| bind(text, hook, &config).err().unwrap_or_default();
    let http = |text: &str| error(text, Hook::HttpRequest);
    let unknown = http("set-heder a b");
    assert!(
        unknown.starts_with("'http-request' expects 'wait-for-handshake', 'set-retries', 'set-log-level',"),
        "{unknown}"
    );
    assert!(
        unknown.ends_with(", 'set-priority-offset', but got 'set-heder'. Did you mean 'set-header' maybe ?"),
        "{unknown}"
    );
    assert!(http("").ends_with("but got '' (missing argument)"));
    let in_rule = |action: &str, rest: &str| {
        format!("error detected in proxy 'www' while parsing 'http-request {action}' rule : {rest}")
    };
    assert_eq!(http("set-header a"), in_rule("set-header", "expects exactly 2 arguments"));
    assert_eq!(
        http("set-header a b c"),
        "'http-request set-header' expects either 'if' or 'unless' followed by a condition but found 'c'"
    );
    assert_eq!(http("deny deny_status 999"), in_rule("deny", "Unexpected status code '999'"));
    assert_eq!(
        http("deny deny_status 418"),
        in_rule("deny", "status code '418' not handled by default with 'default-errorfiles' argument")
    );
    assert_eq!(
        http("return string abc"),
        in_rule("return", "a content type must be defined when non-empty payload is configured")
    );
    assert_eq!(http("redirect"), in_rule("redirect", "redirection type expected ('prefix', 'location', or 'scheme')"));
    assert_eq!(http("redirect location"), in_rule("redirect", "missing argument for 'location'"));
    assert_eq!(
        http("redirect location / code 304"),
        in_rule("redirect", "'code': unsupported HTTP code '304' (must be one of 301, 302, 303, 307 or 308)")
    );
    assert_eq!(http("set-var(txn.a,foo) int(1)"), in_rule("set-var(txn.a,foo)", "unknown condition \"foo\""));
    assert_eq!(http("capture int(1) len x"), in_rule("capture", "length must be > 0"));
    assert_eq!(http("track-sc0"), in_rule("track-sc0", "missing fetch method"));
    assert_eq!(http("track-sc0 src table"), in_rule("track-sc0", "missing table name"));
    assert_eq!(http("track-sc0 src table none"), in_rule("track-sc0", "unable to find table 'none'"));
    assert_eq!(
        http("track-sc3 src"),
        in_rule("track-sc3", "3 track-sc number exceeding 2 (tune.stick-counters-1) value.")
    );
    assert_eq!(
        http("sc-inc-gpc0(5)"),
        in_rule("sc-inc-gpc0(5)", "invalid stick table track ID. The max allowed ID is 2 (tune.stick-counters).")
    );
    assert_eq!(
        http("sc-inc-gpc(1)"),
        in_rule("sc-inc-gpc(1)", "Missing gpc ID 'sc-inc-gpc'. Expects sc-inc-gpc(<GPC ID>,<Track ID>).")
    );
    assert_eq!(http("set-method a b"), in_rule("set-method", "expects exactly 1 argument <format>"));
    let tcp = error("foo", Hook::TcpRequestContent);
    assert!(tcp.starts_with("'tcp-request content' expects 'accept', 'reject', 'capture', "), "{tcp}");
    assert!(tcp.ends_with(" in proxy 'www' (got 'foo')."), "{tcp}");
    assert_eq!(
        error("accept foo", Hook::TcpRequestContent),
        "'tcp-request content accept' only accepts 'if' or 'unless', in proxy 'www' (got 'foo')"
    );
}

#[test]
fn an_action_of_another_rule_set_is_named_as_such() {
    let config = Config::new();
    let words = words("set-status 200");
    let mut cursor = Words::new(&words, crate::diag::Span::nowhere());
    let error = Rule::bind(&mut cursor, Hook::HttpRequest, &config.scope(Hook::HttpRequest)).err().unwrap();
    assert_eq!(error.helps().next(), Some("'set-status' is an action of http-after-response, http-response"));
}

#[test]
fn conditions_follow_the_arguments() {
    let config = Config::new();
    let rule = bind("deny if { always_true }", Hook::HttpRequest, &config).unwrap();
    assert!(rule.cond.is_some());
    assert_eq!(&*rule.text, "deny if { always_true }");
    let rules = RuleSet::new(vec![
        bind("allow if { always_false }", Hook::HttpRequest, &config).unwrap(),
        bind("set-header x-a 1", Hook::HttpRequest, &config).unwrap(),
        bind("deny unless { always_false }", Hook::HttpRequest, &config).unwrap(),
    ]);
    let mut world = world(&config, Hook::HttpRequest);
    let (mut reply, mut scratch, mut lookup) = (Vec::new(), Vec::new(), Lookup::None);
    let mut txn = Txn {
        now_ms: 0,
        wall_us: 0,
        conn: &mut world.conn,
        stream: &mut world.stream,
        req: Some(Half { raw: b"", head: &mut world.req }),
        res: None,
        req_bytes: Default::default(),
        res_bytes: Default::default(),
        vars: &mut world.vars,
        view: &world.view,
        dir: Dir::Request,
        last: true,
        reply: &mut reply,
        lookup: &mut lookup,
        scratch: &mut scratch,
    };
    assert_eq!(rules.run(&mut Cursor::default(), &mut txn), Verdict::Done(Final::Deny(403)));
    assert_eq!(Msg::new(b"", &world.req).value(&crate::http::HeaderName::new("x-a")), Some(&b"1"[..]));
}

#[test]
fn host_and_an_absolute_target_stay_in_agreement() {
    let config = Config::new();
    for (line, expected) in [
        (
            "set-header Host new.host",
            "-GET http://example.com/a HTTP/1.1 -host: example.com +GET http://new.host/a HTTP/1.1 +host: new.host",
        ),
        (
            "replace-header Host (.*) \\\\1x",
            "-GET http://example.com/a HTTP/1.1 -host: example.com +GET http://example.comx/a HTTP/1.1 +host: example.comx",
        ),
        ("set-path /new", "-GET http://example.com/a HTTP/1.1 +GET http://example.com/new HTTP/1.1"),
        ("set-uri /u", "-GET http://example.com/a HTTP/1.1 +GET /u HTTP/1.1"),
    ] {
        let mut world = world(&config, Hook::HttpRequest);
        MsgMut::new(b"", &mut world.req).set_target(b"http://example.com/a");
        let rule = bind(line, Hook::HttpRequest, &config).unwrap();
        assert_eq!(run(&rule, &mut world, &config), expected, "{line}");
    }
}

#[test]
fn files_become_answers_once_they_are_read() {
    let config = Config::new();
    let load = |bytes: &[u8]| {
        let file = config.files.borrow_mut().pop().unwrap();
        (file.load)(bytes, &())
    };
    let rule = bind("return content-type text/x file /x", Hook::HttpRequest, &config).unwrap();
    assert_eq!(load(b"body\n"), Ok(()));
    let found = run(&rule, &mut world(&config, Hook::HttpRequest), &config);
    assert_eq!(found, "reply HTTP/1.1 200 OK|content-length: 5|content-type: text/x||body\n");
    let rule = bind("deny errorfile /x", Hook::HttpRequest, &config).unwrap();
    assert_eq!(load(b"HTTP/1.0 403 Nope\nX-A: b\n\nno"), Ok(()));
    assert_eq!(run(&rule, &mut world(&config, Hook::HttpRequest), &config), "deny reply HTTP/1.0 403 Nope|x-a: b||no");
    let _rule = bind("return file /x", Hook::HttpRequest, &config).unwrap();
    assert!(load(b"x").unwrap_err().contains("a content type must be defined"));
}
