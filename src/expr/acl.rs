//! ACLs (manual 7.1): declarations with flags, operators and patterns, bound to an expression and a matcher; those
//! predefined (7.4). Conditions that combine them are `cond`'s business.

use std::sync::Arc;

use super::lists::{Declared, Lists};
use super::matching::{Matcher, default_kind, looks_at};
use super::{Ctx, Expr, Flow, Seen, Tri, bind};
use crate::diag::{Diagnostic, Span, Word};
use crate::http::Method;
use crate::keyword::known::{self, Class};
use crate::keyword::{Error, FileRef, Hook, Hosts, Needs, Result, Scope, Words};
use crate::pattern::{Builder, IntOp, MatchKind, PatternError, PatternFault, PatternSet, file};
use crate::state::PatternList;
use crate::state::patterns::Member;

/// An ACL: the declarations of one name are alternatives.
pub struct Acl {
    /// None for what stands between braces.
    name: Option<Box<str>>,
    tests: Box<[Test]>,
    needs: Needs,
    text: Box<str>,
}

/// One declaration: an expression and what its values are compared with.
pub(super) struct Test {
    pub(super) expr: Arc<Expr>,
    pub(super) matcher: Matcher,
    /// As written, for messages: an ACL's derivative or the fetch itself.
    keyword: Box<str>,
    text: Box<str>,
}

impl Acl {
    /// Passes if any value of any declaration matches.
    #[inline]
    pub fn eval(&self, ctx: &Ctx<'_>) -> Tri {
        let mut result = Tri::Fail;
        for test in &self.tests {
            match test.eval(ctx) {
                Tri::Pass => return Tri::Pass,
                Tri::Miss => result = Tri::Miss,
                Tri::Fail => {}
            }
        }
        result
    }

    /// What must be there when it is evaluated.
    pub fn needs(&self) -> Needs {
        self.needs
    }

    /// The declarations as written, normalised.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// HAProxy's words for an ACL that reads nothing which is there at the scope's hook.
    pub(super) fn never_matches(&self, scope: &Scope<'_>) -> Option<String> {
        if self.tests.is_empty() || self.tests.iter().any(|test| test.expr.is_available(scope)) {
            return None;
        }
        let place = place(scope);
        let within = match scope.hook {
            Hook::TcpRequestConnection
            | Hook::TcpRequestSession
            | Hook::TcpRequestContent
            | Hook::TcpResponseContent => format!(" in '{}'", scope.hook.name()),
            _ => String::new(),
        };
        Some(match (&self.name, &*self.tests) {
            (None, [test, ..]) => format!(
                "anonymous acl will never match{within} because it uses keyword '{}' which is incompatible with '{place}'",
                test.keyword
            ),
            (name, _) => format!(
                "acl '{}' will never match{within} because it only involves keywords that are incompatible with '{place}'",
                name.as_deref().unwrap_or("")
            ),
        })
    }
}

impl Test {
    #[inline]
    fn eval(&self, ctx: &Ctx<'_>) -> Tri {
        let (mut found, mut any) = (false, false);
        let seen = self.expr.each(ctx, &mut |value| {
            any = true;
            found = self.matcher.matches(value);
            if found { Flow::Stop } else { Flow::Continue }
        });
        match (found, seen) {
            (true, _) => Tri::Pass,
            (false, Seen::Partial) if !ctx.last => Tri::Miss,
            (false, Seen::All) if !any && self.awaits_head(ctx) => Tri::Miss,
            (false, _) => Tri::Fail,
        }
    }
}

impl Test {
    /// In TCP mode rules may look at an HTTP request, whose head may not have arrived yet.
    fn awaits_head(&self, ctx: &Ctx<'_>) -> bool {
        ctx.req_bytes.may_become_head() && self.expr.needs().intersects(Needs::REQ_HEAD.union(Needs::REQ_KEPT))
    }
}

/// Checks the name of an `acl` line (manual 7.1).
pub fn check_name(word: &Word) -> Result<()> {
    let name = word.as_str();
    if name.eq_ignore_ascii_case("or") {
        let message = format!(
            "acl name '{name}' will never match. 'or' is used to express a logical disjunction within a condition"
        );
        return Err(super::args::error(word.span, message));
    }
    let bad = |c: &char| !(c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.' | ':'));
    match name.chars().find(bad) {
        None if !name.is_empty() => Ok(()),
        None => Err(super::args::error(word.span, "the acl has no name")),
        Some(bad) => {
            Err(super::args::error(word.span, format!("character '{bad}' is not permitted in acl name '{name}'")))
        }
    }
}

/// The ACL of that name: of the section, or predefined. Errors of its declarations go to `scope.diags`, once, whoever asks
/// first; an ACL with errors never matches. `lower` asks for each `acl` line so that unused ones are checked too.
pub fn named(name: &str, span: Span, scope: &Scope<'_>) -> Option<Arc<Acl>> {
    let key = format!("{:?} acl {name}", scope.proxy);
    if let Some(declarations) = scope.acls.get(name) {
        let make = || {
            let bind = |words: &Vec<Word>| {
                let end = words.last().map_or(Span::nowhere(), |word| word.span);
                let test = bind(words, end, scope).map_err(|error| {
                    let mut found =
                        (*error).or_at(end).context(format!("error detected while parsing ACL '{name}' : "));
                    found.message.push('.');
                    found
                });
                scope.diags.ok(test)
            };
            let tests = declarations.iter().filter_map(bind).collect();
            Ok::<_, Error>(Acl::new(Some(name), tests))
        };
        return scope.intern(&key, make).ok();
    }
    let (_, text) = PREDEFINED.iter().find(|(known, _)| *known == name)?;
    let words: Vec<Word> = text.split(' ').map(|word| Word::new(word, span)).collect();
    let make = || Ok(Acl::new(Some(name), vec![bind(&words, span, scope)?]));
    let bound: Result<Arc<Acl>> = scope.intern(&format!("predefined {name}"), make);
    bound.ok()
}

/// The ACL between two braces.
pub(super) fn anonymous(words: &[Word], end: Span, scope: &Scope<'_>) -> Result<Arc<Acl>> {
    // Each has patterns of its own, which may be changed at run time.
    Ok(Arc::new(Acl::new(None, vec![bind(words, end, scope)?])))
}

/// The names of 7.4.
pub(super) fn predefined_names() -> impl Iterator<Item = &'static str> {
    PREDEFINED.iter().map(|(name, _)| *name)
}

impl Acl {
    fn new(name: Option<&str>, tests: Vec<Test>) -> Acl {
        let needs = tests.iter().fold(Needs::empty(), |needs, test| needs | test.expr.needs());
        let texts: Vec<&str> = tests.iter().map(|test| &*test.text).collect();
        let text = texts.join(" | ").into_boxed_str();
        Acl { name: name.map(Into::into), tests: tests.into_boxed_slice(), needs, text }
    }
}

/// Binds one declaration: the words after the ACL's name.
fn bind(words: &[Word], end: Span, scope: &Scope<'_>) -> Result<Test> {
    let mut words = Words::new(words, end);
    let Some(first) = words.next_word() else {
        return Err(super::args::error(end, "missing fetch method in ACL expression ''"));
    };
    let keyword = bind::first_name(first);
    let derived = known::find(Class::Acl, keyword);
    let expr = expression(first, derived.is_some(), scope)?;
    // What is implied by an ACL's own keyword holds for it alone (manual 7.1).
    let implied = derived.filter(|_| expr.is_plain());
    let kind = match implied {
        Some(derived) => implied_kind(derived.signature),
        None => default_kind(expr.out()),
    };
    let mut draft = Draft {
        keyword,
        expr: expr.interned(scope)?,
        kind,
        named: false,
        fold: false,
        unresolved: false,
        as_map: false,
        forced: false,
        id: None,
        span: first.span,
        scope,
        lists: Vec::new(),
        files: Vec::new(),
    };
    draft.flags(&mut words)?;
    draft.finish(&mut words)
}

fn expression(word: &Word, derived: bool, scope: &Scope<'_>) -> Result<Expr> {
    let resolve = |name: &str, span: Span| match known::find(Class::Acl, name) {
        Some(derived) => bind::find_fetch(derived.derived_from().unwrap_or(name), span),
        None => bind::find_fetch(name, span),
    };
    let text = word.as_str();
    Expr::bind_word(word, scope, &resolve).map_err(|error| {
        let mut found = *error;
        match found.message.strip_prefix("fetch method '") {
            Some(rest) if derived => found.message = format!("ACL keyword '{rest}"),
            _ => found.message.push_str(&format!(" in ACL expression '{text}'")),
        }
        Box::new(found)
    })
}

/// The method in a signature such as `req.hdr -m beg`.
fn implied_kind(signature: &str) -> Option<MatchKind> {
    let (fetch, kind) = signature.split_once(" -m ")?;
    if fetch == "req.ssl_ver" { Some(MatchKind::Version) } else { MatchKind::from_name(kind.as_bytes()) }
}

/// A declaration being bound.
struct Draft<'d, 'a> {
    keyword: &'d str,
    expr: Arc<Expr>,
    /// None: must be named.
    kind: Option<MatchKind>,
    /// `-m` was given.
    named: bool,
    /// `-i`
    fold: bool,
    /// `-n`: names are no addresses.
    unresolved: bool,
    /// `-M`
    as_map: bool,
    /// `--`: no patterns, on purpose.
    forced: bool,
    /// `-u`
    id: Option<u32>,
    span: Span,
    scope: &'d Scope<'a>,
    lists: Vec<Arc<PatternList<()>>>,
    files: Vec<String>,
}

impl Draft<'_, '_> {
    fn flags(&mut self, words: &mut Words<'_>) -> Result<()> {
        while let Some(word) = words.peek().filter(|word| word.as_str().starts_with('-')) {
            words.next_word();
            match word.as_str() {
                "-i" => self.fold = true,
                "-n" => self.unresolved = true,
                "-M" => self.as_map = true,
                "-u" => {
                    let id = words.next_word().and_then(|word| word.as_str().parse::<u32>().ok());
                    self.id = Some(id.ok_or_else(|| words.error_last("the argument of -u must be an integer"))?);
                }
                "-m" => self.method(words)?,
                "-f" => self.file(words)?,
                "--" => {
                    self.forced = true;
                    break;
                }
                other => {
                    let message = format!(
                        "'{other}' is not a valid ACL option. Please use '--' before any pattern beginning with a '-'"
                    );
                    return Err(words.error_last(message));
                }
            }
        }
        Ok(())
    }

    fn method(&mut self, words: &mut Words<'_>) -> Result<()> {
        let name = words.next_word().map_or("", Word::as_str);
        let Some(kind) = MatchKind::from_name(name.as_bytes()) else {
            let message = format!("unknown matching method '{name}' when parsing ACL expression");
            let near = crate::diag::suggest(name, MatchKind::names());
            let error = words.error_last(message);
            return Err(near.map_or(error.clone(), |near| Box::new((*error).help(format!("did you mean '{near}'?")))));
        };
        if !self.expr.out().casts_to(looks_at(kind)) {
            let message = format!("matching method '{name}' cannot be used with fetch keyword '{}'", self.keyword);
            return Err(words.error_last(message));
        }
        self.named = true;
        // Versions are integers with a dot.
        if !(kind == MatchKind::Int && self.kind == Some(MatchKind::Version)) {
            self.kind = Some(kind);
        }
        Ok(())
    }

    fn kind(&self, span: Span) -> Result<MatchKind> {
        self.kind.ok_or_else(|| {
            let message = format!(
                "matching method must be specified first (using '-m') when using a sample fetch of this type ('{}')",
                self.keyword
            );
            let found = Diagnostic::alert("missing-method", message).at(span);
            Box::new(found.help("for instance '-m found' for mere existence, '-m str' to compare text"))
        })
    }

    /// `-f`: the file's lines, with the flags given so far.
    fn file(&mut self, words: &mut Words<'_>) -> Result<()> {
        let kind = self.kind(words.span())?;
        let word = words.expect("a file name behind '-f'")?;
        let name = word.as_str();
        let (path, optional) = match (name.strip_prefix("file@"), name.strip_prefix("opt@")) {
            (Some(path), _) => (path, false),
            (_, Some(path)) => (path, true),
            _ => (name, false),
        };
        let key = format!("{path} {} {} {}", kind.name(), self.fold, self.as_map);
        let (fold, as_map, unresolved, scope) = (self.fold, self.as_map, self.unresolved, self.scope);
        let mut is_new = false;
        let list = scope.intern(&key, || {
            is_new = true;
            Ok::<_, Error>(PatternList::new(path, empty(kind, fold, word.span)?))
        })?;
        if is_new && !path.starts_with("virt@") {
            let into = Arc::clone(&list);
            let load = Box::new(move |bytes: &[u8], hosts: &dyn Hosts| {
                let hosts: &dyn Hosts = if unresolved { &() } else { hosts };
                into.replace(read(bytes, kind, fold, as_map, hosts)?);
                Ok(())
            });
            scope.files.borrow_mut().push(FileRef { path: Some(path.to_owned()), span: word.span, optional, load });
        }
        self.note(Some(path), None, &list);
        self.files.push(name.to_owned());
        self.lists.push(list);
        Ok(())
    }

    fn note(&self, path: Option<&str>, id: Option<u32>, list: &Arc<PatternList<()>>) {
        let (path, keyword, member) = (path.map(Into::into), Some(self.keyword.into()), Member::Acl(list.clone()));
        Lists::note(self.scope, Declared { path, id, keyword, span: self.span, member });
    }

    fn finish(mut self, words: &mut Words<'_>) -> Result<Test> {
        let kind = self.kind(words.span())?;
        let patterns = words.rest();
        if patterns.is_empty() && self.lists.is_empty() && !self.forced && !kind.ignores_patterns() {
            self.warn_no_patterns(words.end());
        }
        // HAProxy keeps the methods it knows as numbers: `-i` does not make `head` one of them. With `-m` they are text.
        let known = |word: &Word| {
            let method = Method::of(&word.as_bytes().to_ascii_uppercase());
            !matches!(method, Method::Patch | Method::Other)
        };
        let by_number = self.expr.text() == "method" && !self.named && patterns.iter().any(known);
        let fold = self.fold && !by_number;
        let mut builder = Builder::new(kind, fold);
        let mut names = false;
        for word in words.take_rest() {
            if let Some(op) = IntOp::from_name(word.as_bytes()).filter(|_| kind.takes_operators()) {
                builder.operator(op);
            } else if !kind.ignores_patterns() {
                match builder.push(word.as_bytes(), ()) {
                    Err(error) if error.is_name() && !self.unresolved => names = true,
                    pushed => pushed.map_err(|error| pattern_error(&error, kind, word.span))?,
                }
            }
        }
        let set = builder.finish().map_err(|error| {
            let span = patterns.get(error.at).map_or(words.end(), |word| word.span);
            pattern_error(&error, kind, span)
        })?;
        let text = self.text(kind, patterns);
        // It may be filled at run time.
        let own = Arc::new(PatternList::new("", set));
        if names {
            self.resolve_later(patterns, &own);
        }
        self.note(None, self.id, &own);
        self.lists.push(own);
        let matcher = Matcher::new(kind, self.lists);
        Ok(Test { expr: self.expr, matcher, keyword: self.keyword.into(), text: text.into_boxed_str() })
    }

    /// Has the host names among addresses resolved once everything is bound (manual 7.1.6 and `-n` in 7.1).
    fn resolve_later(&self, patterns: &[Word], list: &Arc<PatternList<()>>) {
        let (patterns, into) = (patterns.to_vec(), Arc::clone(list));
        let load = Box::new(move |_: &[u8], hosts: &dyn Hosts| {
            let mut builder = Builder::new(MatchKind::Ip, false);
            let failed = |error| pattern_text(&error, MatchKind::Ip);
            for word in &patterns {
                builder.push_or_resolve(word.as_bytes(), (), |name| hosts.address(name)).map_err(failed)?;
            }
            into.replace(builder.finish().map_err(failed)?);
            Ok(())
        });
        self.scope.files.borrow_mut().push(FileRef { path: None, span: self.span, optional: false, load });
    }

    /// What is written again binds to the same test.
    fn text(&self, kind: MatchKind, patterns: &[Word]) -> String {
        let mut text = format!("{} -m {}", self.expr.text(), kind.name());
        if self.fold {
            text.push_str(" -i");
        }
        for file in &self.files {
            text.push_str(" -f ");
            text.push_str(file);
        }
        if patterns.first().is_some_and(|word| word.as_str().starts_with('-')) {
            text.push_str(" --");
        }
        for word in patterns {
            text.push(' ');
            let plain =
                !word.is_empty() && !word.as_str().contains(|c: char| c.is_whitespace() || "\"'\\#".contains(c));
            if plain { text.push_str(word.as_str()) } else { text.push_str(&format!("{:?}", word.as_str())) }
        }
        text
    }

    fn warn_no_patterns(&self, span: Span) {
        let message = format!(
            "parsing acl keyword '{}' :\n  no pattern to match against were provided, so this ACL will never match.\n  \
             If this is what you intended, please add '--' to get rid of this warning.\n  \
             If you intended to match only for existence, please use '-m found'.\n  \
             If you wanted to force an int to match as a bool, please use '-m bool'.\n",
            self.keyword
        );
        let found = Diagnostic::warning("no-patterns", message).at(span);
        self.scope.diags.push(found.lead(crate::diag::Lead::Config));
    }
}

fn empty(kind: MatchKind, fold: bool, span: Span) -> Result<PatternSet<()>> {
    Builder::new(kind, fold).finish().map_err(|error| pattern_error(&error, kind, span))
}

/// The patterns of a file's content.
fn read(
    bytes: &[u8],
    kind: MatchKind,
    fold: bool,
    as_map: bool,
    hosts: &dyn Hosts,
) -> std::result::Result<PatternSet<()>, String> {
    let mut builder = Builder::new(kind, fold);
    let mut push = |line: file::FileLine<'_>| {
        let pushed = builder.push_or_resolve(line.key, (), |name| hosts.address(name));
        pushed.map_err(|error| format!("{} at line {}", pattern_text(&error, kind), line.line))
    };
    if as_map {
        file::map_lines(bytes).try_for_each(&mut push)?;
    } else {
        file::list_lines(bytes).try_for_each(&mut push)?;
    }
    builder.finish().map_err(|error| pattern_text(&error, kind))
}

fn pattern_error(error: &PatternError, kind: MatchKind, span: Span) -> Error {
    let found = Diagnostic::alert("bad-pattern", pattern_text(error, kind)).at(span);
    Box::new(match &error.fault {
        PatternFault::Ip(_) => found.help("a host name must be known when the configuration is read"),
        _ => found,
    })
}

/// HAProxy's words.
pub fn pattern_text(error: &PatternError, kind: MatchKind) -> String {
    let text = &error.text;
    match &error.fault {
        PatternFault::Int(_) if text.contains([':', '-']) => format!("'{text}' is not a valid number range"),
        PatternFault::Int(_) if kind == MatchKind::Version => format!("'{text}' is not a dotted number"),
        PatternFault::Int(_) => format!("'{text}' is not a number"),
        PatternFault::Ip(_) => format!("'{text}' is not a valid IPv4 or IPv6 address"),
        PatternFault::Regex(why) => format!("regex '{text}' is invalid ({why})"),
        fault => fault.to_string(),
    }
}

/// The place of a rule in HAProxy's words.
fn place(scope: &Scope<'_>) -> String {
    let section = scope.section();
    let side = |first_frontend: bool| match section {
        Some(section) if section.frontend && section.backend => {
            if first_frontend {
                "frontend"
            } else {
                "backend"
            }
        }
        Some(section) if section.backend => "backend",
        _ => "frontend",
    };
    match scope.hook {
        Hook::TcpRequestConnection => "frontend tcp-request connection rule".to_owned(),
        Hook::TcpRequestSession => "frontend tcp-request session rule".to_owned(),
        Hook::TcpRequestContent => format!("{} tcp-request content rule", side(true)),
        Hook::TcpResponseContent => format!("{} tcp-response content rule", side(false)),
        Hook::HttpRequest => format!("{} http-request header rule", side(true)),
        Hook::HttpResponse | Hook::HttpAfterResponse | Hook::HttpError => {
            format!("{} http-response header rule", side(false))
        }
        Hook::UseBackend => "frontend use-backend rule".to_owned(),
        Hook::UseServer => "backend use-server, balance or stick-match rule".to_owned(),
        Hook::Log => "stream log".to_owned(),
        Hook::Check => "backend health check rule".to_owned(),
        Hook::Internal => "configuration parser".to_owned(),
    }
}

/// Manual 7.4.
const PREDEFINED: &[(&str, &str)] = &[
    ("FALSE", "always_false"),
    ("HTTP", "req.proto_http"),
    ("HTTP_1.0", "req.ver 1.0"),
    ("HTTP_1.1", "req.ver 1.1"),
    ("HTTP_2.0", "req.ver 2.0"),
    ("HTTP_3.0", "req.ver 3.0"),
    ("HTTP_CONTENT", "req.hdr_val(content-length) gt 0"),
    ("HTTP_URL_ABS", "url_reg ^[^/:]*://"),
    ("HTTP_URL_SLASH", "url_beg /"),
    ("HTTP_URL_STAR", "url *"),
    ("LOCALHOST", "src 127.0.0.1/8 ::1"),
    ("METH_CONNECT", "method CONNECT"),
    ("METH_DELETE", "method DELETE"),
    ("METH_GET", "method GET HEAD"),
    ("METH_HEAD", "method HEAD"),
    ("METH_OPTIONS", "method OPTIONS"),
    ("METH_POST", "method POST"),
    ("METH_PUT", "method PUT"),
    ("METH_TRACE", "method TRACE"),
    ("RDP_COOKIE", "req.rdp_cookie_cnt gt 0"),
    ("REQ_CONTENT", "req.len gt 0"),
    ("TRUE", "always_true"),
    ("WAIT_END", "wait_end"),
];
