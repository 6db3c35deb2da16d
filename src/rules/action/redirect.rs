//! The action and the directive redirect (manual 4.2 `redirect`): builds the whole answer.

use super::words::exactly;
use crate::diag::Word;
use crate::expr::{Ctx, Dir, LogFormat};
use crate::http::{Framing, Method, Msg};
use crate::keyword::{Hook, Meta, Needs, Result, Scope, Words};
use crate::rules::{Action, Bound, Final, Hooks, Txn, Verdict};

pub(super) static ACTIONS: &[Action] = &[Action {
    meta: Meta::new(
        "redirect",
        "redirect { location <fmt> | prefix <fmt> | scheme <fmt> } [code <code>] [<option>...]",
        "Ends the rule set and sends the client elsewhere: to the location, to the same path behind a prefix, or to the same host and \
         path with another scheme. Codes: 301, 302 (default), 303, 307, 308. Options: drop-query, append-slash, ignore-empty, \
         keep-query, set-cookie NAME[=value], set-cookie-fmt <fmt>, clear-cookie NAME[=].",
        &[
            (
                "redirect scheme https code 301",
                "reply HTTP/1.1 301 Moved Permanently|content-length: 0|location: https://example.com/a/b?c=d",
            ),
            (
                "redirect prefix http://h drop-query append-slash",
                "reply HTTP/1.1 302 Found|content-length: 0|location: http://h/a/b/|cache-control: no-cache",
            ),
            (
                "redirect location /x?y keep-query set-cookie A=1",
                "reply HTTP/1.1 302 Found|content-length: 0|location: /x?y&c=d|cache-control: no-cache|set-cookie: A=1; path=/;",
            ),
            ("redirect location %[req.hdr(none)] ignore-empty", ""),
        ],
    ),
    hooks: Hooks::HTTP_REQ.union(Hooks::HTTP_RES),
    bind: |words, scope| Redirect::bind(words, scope, true),
}];

/// The directive `redirect`, whose texts are no format strings.
pub static LITERAL: Action = Action {
    meta: Meta::new(
        "redirect",
        "redirect { location <loc> | prefix <pfx> | scheme <sch> } [code <code>] [<option>...]",
        "As `http-request redirect`, but the texts are taken as they are.",
        &[(
            "redirect location /%[src]",
            "reply HTTP/1.1 302 Found|content-length: 0|location: /%[src]|cache-control: no-cache",
        )],
    ),
    hooks: Hooks::HTTP_REQ,
    bind: |words, scope| Redirect::bind(words, scope, false),
};

struct Redirect {
    to: To,
    text: Text,
    code: u16,
    drop_query: bool,
    append_slash: bool,
    keep_query: bool,
    ignore_empty: bool,
    cookie: Option<Text>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum To {
    Location,
    Prefix,
    Scheme,
}

enum Text {
    Fixed(Box<[u8]>),
    Format(LogFormat),
}

impl Text {
    fn bind(word: &Word, scope: &Scope<'_>, formats: bool) -> Result<Text> {
        if !formats {
            return Ok(Text::Fixed(word.as_bytes().into()));
        }
        let format = LogFormat::bind(word, scope)?;
        Ok(match format.literal() {
            Some(text) => Text::Fixed(text.into()),
            None => Text::Format(format),
        })
    }

    fn render(&self, ctx: &Ctx<'_>, out: &mut Vec<u8>) {
        match self {
            Text::Fixed(text) => out.extend_from_slice(text),
            Text::Format(format) => format.render(ctx, out),
        }
    }

    fn needs(&self) -> Needs {
        match self {
            Text::Fixed(_) => Needs::empty(),
            Text::Format(format) => format.needs(),
        }
    }
}

impl Redirect {
    fn bind(words: &mut Words<'_>, scope: &Scope<'_>, formats: bool) -> Result<Bound> {
        let mut to = None;
        let mut code = 302;
        let (mut drop_query, mut append_slash, mut keep_query, mut ignore_empty) = (false, false, false, false);
        let mut cookie = None;
        while let Some(word) = words.peek().filter(|word| !matches!(word.as_str(), "if" | "unless")) {
            words.next_word();
            let option = word.as_str();
            match option {
                "location" => to = Some((To::Location, Text::bind(argument(words, option)?, scope, formats)?)),
                "prefix" => to = Some((To::Prefix, Text::bind(argument(words, option)?, scope, formats)?)),
                "scheme" => to = Some((To::Scheme, Text::bind(argument(words, option)?, scope, formats)?)),
                "code" => code = self::code(words)?,
                "set-cookie" => cookie = Some(self::cookie(argument(words, option)?, "; path=/;")),
                "clear-cookie" => cookie = Some(self::cookie(argument(words, option)?, "; path=/; Max-Age=0;")),
                "set-cookie-fmt" => cookie = Some(Text::bind(argument(words, option)?, scope, true)?),
                "drop-query" => drop_query = true,
                "append-slash" => append_slash = true,
                "keep-query" => keep_query = true,
                "ignore-empty" => ignore_empty = true,
                other => return Err(words.error_last(format!("{OPTIONS} (was '{other}')"))),
            }
        }
        let Some((to, text)) = to else {
            return Err(words.error_here("redirection type expected ('prefix', 'location', or 'scheme')"));
        };
        if scope.hook == Hook::HttpResponse && to != To::Location {
            return Err(words.error_last("response only supports redirect type 'location'"));
        }
        let rule = Redirect { to, text, code, drop_query, append_slash, keep_query, ignore_empty, cookie };
        let own = if rule.to == To::Location && !rule.keep_query { Needs::empty() } else { Needs::REQ_HEAD };
        let cookie = rule.cookie.as_ref().map_or(Needs::empty(), Text::needs);
        Ok(Bound::new(own | rule.text.needs() | cookie, move |txn| rule.run(txn)))
    }

    fn run(&self, txn: &mut Txn<'_>) -> Verdict {
        let mut out = std::mem::take(txn.reply);
        out.clear();
        let written = self.write(&txn.ctx(), &mut out);
        *txn.reply = out;
        if written { Verdict::Done(Final::Reply(self.code)) } else { Verdict::Next }
    }

    /// Appends the answer; false if the rule is to be skipped.
    fn write(&self, ctx: &Ctx<'_>, out: &mut Vec<u8>) -> bool {
        super::reply::start_line(self.code, out);
        out.extend_from_slice(b"content-length: 0\r\nlocation: ");
        let start = out.len();
        match self.to {
            To::Location => {
                self.text.render(ctx, out);
                if self.ignore_empty && out.len() == start && matches!(self.text, Text::Format(_)) {
                    return false;
                }
                self.query(ctx.req, start, out);
            }
            To::Prefix => {
                self.text.render(ctx, out);
                if out.get(start..) == Some(b"/") {
                    out.truncate(start);
                }
                self.path(ctx.req, out);
            }
            To::Scheme => {
                self.text.render(ctx, out);
                out.extend_from_slice(b"://");
                out.extend_from_slice(ctx.req.and_then(Msg::host).unwrap_or_default());
                self.path(ctx.req, out);
            }
        }
        super::reply::clean(out, start);
        out.extend_from_slice(b"\r\n");
        if !matches!(self.code, 301 | 308) {
            out.extend_from_slice(b"cache-control: no-cache\r\n");
        }
        // A body that the client sends for nothing is not waited for.
        if ctx.dir == Dir::Request && ctx.req.is_some_and(|msg| msg.head.body != Framing::None) {
            out.extend_from_slice(b"connection: close\r\n");
        }
        if let Some(cookie) = &self.cookie {
            out.extend_from_slice(b"set-cookie: ");
            let start = out.len();
            cookie.render(ctx, out);
            super::reply::clean(out, start);
            out.extend_from_slice(b"\r\n");
        }
        out.extend_from_slice(b"\r\n");
        true
    }

    /// Appends the path of the request as the options want it; `/` if it has none.
    fn path(&self, req: Option<Msg<'_>>, out: &mut Vec<u8>) {
        let connect = |msg: &Msg<'_>| msg.head.method == Method::Connect;
        let found = req
            .filter(|msg| !connect(msg))
            .and_then(|msg| if self.drop_query { msg.path() } else { msg.path_and_query() });
        let path = found.unwrap_or(b"/");
        out.extend_from_slice(path);
        if self.append_slash && path.last() != Some(&b'/') {
            out.push(b'/');
        }
    }

    /// Appends the query of the request to a location, which may have one of its own.
    fn query(&self, req: Option<Msg<'_>>, start: usize, out: &mut Vec<u8>) {
        let query = req.and_then(Msg::query).filter(|query| self.keep_query && !query.is_empty());
        let Some(query) = query else { return };
        out.push(if out[start..].contains(&b'?') { b'&' } else { b'?' });
        out.extend_from_slice(query);
    }
}

fn argument<'a>(words: &mut Words<'a>, option: &str) -> Result<&'a Word> {
    let [word] = exactly(words, &format!("missing argument for '{option}'"))?;
    Ok(word)
}

fn code(words: &mut Words<'_>) -> Result<u16> {
    let word = argument(words, "code")?;
    match word.as_str().parse() {
        Ok(code @ (301 | 302 | 303 | 307 | 308)) => Ok(code),
        _ => {
            let text = word.as_str();
            let message = format!("'code': unsupported HTTP code '{text}' (must be one of 301, 302, 303, 307 or 308)");
            Err(words.error_last(message))
        }
    }
}

fn cookie(name: &Word, attributes: &str) -> Text {
    Text::Fixed([name.as_bytes(), attributes.as_bytes()].concat().into())
}

const OPTIONS: &str = "expects 'code', 'prefix', 'location', 'scheme', 'set-cookie', 'set-cookie-fmt', 'clear-cookie', 'drop-query', \
                       'ignore-empty', 'keep-query' or 'append-slash'";
