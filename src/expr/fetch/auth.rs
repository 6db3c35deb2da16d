//! Credentials that clients send in `Authorization` (manual 7.3.6; RFC 7617, RFC 6750) and their check against userlists.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::{Fetch, one};
use crate::base::userlist::{Password, User, Userlist};
use crate::base::value::{Type, Value};
use crate::expr::{Ctx, Flow, Seen, Want, args};
use crate::http::HeaderName;
use crate::keyword::{Meta, Needs};

pub(super) static FETCHES: &[Fetch] = &[
    Fetch::new(
        Meta::new(
            "http_auth",
            "http_auth(<userlist>)",
            "Whether user and password of Basic authentication stand in the userlist; nothing if the client sent none.",
            &[("http_auth(staff)", "1")],
        ),
        Type::Bool,
        Needs::REQ_HEAD,
        |words, scope| {
            let list = args::userlist(words, scope)?;
            Ok(one(move |ctx| {
                let basic = basic(ctx)?;
                Some(Value::Bool(authenticated(&list, &basic).is_some()))
            }))
        },
    ),
    Fetch::new(
        Meta::new(
            "http_auth_bearer",
            "http_auth_bearer([<header>])",
            "The token of the Bearer scheme, unchecked, from `Authorization` or the header given.",
            &[("http_auth_bearer(x-none)", "")],
        ),
        Type::Str,
        Needs::REQ_HEAD,
        |words, _| {
            let name = args::opt_word(words).map_or(HeaderName::AUTHORIZATION, |word| HeaderName::new(word.as_bytes()));
            Ok(one(move |ctx| {
                let (scheme, token) = scheme(ctx.req?.value(&name)?)?;
                scheme.eq_ignore_ascii_case(b"Bearer").then_some(Value::str(token))
            }))
        },
    ),
    Fetch::new(
        Meta::new(
            "http_auth_group",
            "http_auth_group(<userlist>)",
            "The user, if user and password of Basic authentication stand in the userlist. In ACLs the patterns are groups, of \
             which the user must belong to one.",
            &[
                ("http_auth_group(staff)", "anna"),
                ("http_auth_group(staff) ops admin", "true"),
                ("http_auth_group(staff) guests", "false"),
            ],
        ),
        Type::Str,
        Needs::REQ_HEAD,
        |words, scope| {
            let list = args::userlist(words, scope)?;
            Ok(Box::new(move |ctx, want, visit| {
                let user = basic(ctx).and_then(|basic| authenticated(&list, &basic));
                match (user, want) {
                    (None, _) => {}
                    (Some(user), Want::One) => drop(visit(Value::str(user.name.as_bytes()))),
                    (Some(user), Want::Each) => {
                        let groups = user.groups.iter().filter_map(|group| list.groups.get(*group));
                        let mut names = groups.map(|group| Value::str(group.name.as_bytes()));
                        names.any(|name| visit(name) == Flow::Stop);
                    }
                }
                Seen::All
            }))
        },
    ),
    Fetch::new(
        Meta::new(
            "http_auth_pass",
            "http_auth_pass",
            "The password of Basic authentication, unchecked.",
            &[("http_auth_pass", "secret")],
        ),
        Type::Str,
        Needs::REQ_HEAD,
        |_, _| Ok(one(|ctx| basic(ctx).map(|basic| Value::string(basic.password)))),
    ),
    Fetch::new(
        Meta::new(
            "http_auth_type",
            "http_auth_type",
            "The scheme of `Authorization`: Basic with user and password that can be read, or Bearer.",
            &[("http_auth_type", "Basic")],
        ),
        Type::Str,
        Needs::REQ_HEAD,
        |_, _| {
            Ok(one(|ctx| {
                let (scheme, _) = scheme(ctx.req?.value(&HeaderName::AUTHORIZATION)?)?;
                if scheme.eq_ignore_ascii_case(b"Bearer") {
                    return Some(Value::str(b"Bearer"));
                }
                basic(ctx).map(|_| Value::str(b"Basic"))
            }))
        },
    ),
    Fetch::new(
        Meta::new(
            "http_auth_user",
            "http_auth_user",
            "The user of Basic authentication, unchecked.",
            &[("http_auth_user", "anna")],
        ),
        Type::Str,
        Needs::REQ_HEAD,
        |_, _| Ok(one(|ctx| basic(ctx).map(|basic| Value::string(basic.user)))),
    ),
];

/// User and password as sent.
struct Basic {
    user: Vec<u8>,
    password: Vec<u8>,
}

/// Scheme and the rest without blanks before it.
fn scheme(value: &[u8]) -> Option<(&[u8], &[u8])> {
    let at = memchr::memchr(b' ', value)?;
    let (scheme, rest) = value.split_at(at);
    Some((scheme, rest.trim_ascii_start()))
}

fn basic(ctx: &Ctx<'_>) -> Option<Basic> {
    let (scheme, encoded) = scheme(ctx.req?.value(&HeaderName::AUTHORIZATION)?)?;
    if !scheme.eq_ignore_ascii_case(b"Basic") {
        return None;
    }
    let mut user = STANDARD.decode(encoded).ok()?;
    // A user without a colon has no password; a password may hold colons (RFC 7617, 2).
    let at = memchr::memchr(b':', &user)?;
    let password = user.split_off(at + 1);
    user.truncate(at);
    Some(Basic { user, password })
}

/// The user of the list whose password was sent. Comparing takes as long as the hash wants: that is its purpose.
fn authenticated<'l>(list: &'l Userlist, sent: &Basic) -> Option<&'l User> {
    let user = list.users.iter().find(|user| user.name.as_bytes() == sent.user)?;
    let fits = match &user.password {
        Password::Plain(password) => equal(password.as_bytes(), &sent.password),
        Password::Crypt(hash) => pwhash::unix::verify(&sent.password, hash),
        Password::None => false,
    };
    fits.then_some(user)
}

/// Compares in a time that tells nothing of where two texts differ.
fn equal(a: &[u8], b: &[u8]) -> bool {
    a.len() == b.len() && a.iter().zip(b).fold(0, |differ, (a, b)| differ | (a ^ b)) == 0
}
