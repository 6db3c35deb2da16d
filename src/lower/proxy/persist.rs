//! Persistence (manual 4.2): `cookie`, `dynamic-cookie-key`, `option persist`, `force-persist`, `ignore-persist`.

use super::ProxyDraft;
use crate::base::duration::{self, Unit};
use crate::diag::{Diagnostic, Word};
use crate::expr::{Cond, Expr};
use crate::ir::{Cookie, CookieMode, CookieOptions, PersistRule};
use crate::keyword::{Hook, Meta, Result, Scope, Sections, Setting, Words};
use crate::lower::table::{Draft, sentence};

pub(super) static SETTINGS: &[Setting<ProxyDraft>] = &[
    Setting {
        meta: Meta::new(
            "cookie",
            "cookie <name> [ rewrite | insert | prefix ] [ indirect ] [ nocache ] [ postonly ] [ preserve ] [ httponly ] \
             [ secure ] [ domain <domain> ]* [ maxidle <idle> ] [ maxlife <life> ] [ dynamic ] [ attr <value> ]*",
            "Brings clients back to their server by a cookie, whose value for each server is said by its 'cookie' option.",
            &[
                ("cookie SRV insert indirect nocache", "cookie SRV insert indirect nocache"),
                ("cookie SRV insert maxidle 30m maxlife 8h", "cookie SRV insert maxidle 1800 maxlife 28800"),
                (
                    "cookie SRV insert domain .example.org secure",
                    "cookie SRV insert secure ; domain=.example.org; Secure",
                ),
                ("cookie JSESSIONID prefix", "cookie JSESSIONID prefix"),
            ],
        ),
        sections: Sections::D_BE,
        apply: cookie,
    },
    Setting {
        meta: Meta::new(
            "dynamic-cookie-key",
            "dynamic-cookie-key <string>",
            "Sets the secret from which 'cookie ... dynamic' makes the value of each server, with its address.",
            &[("dynamic-cookie-key secret", "dynamic-cookie-key")],
        ),
        sections: Sections::D_BE,
        apply: |words, draft, _| {
            let Some(key) = words.next_word() else {
                return Err(sentence(words.end(), "missing", "'dynamic-cookie-key' expects <secret_key> as argument."));
            };
            draft.out.persist.dynamic_key = Some(key.as_str().into());
            Ok(())
        },
    },
    Setting {
        meta: Meta::new(
            "option persist",
            "[no] option persist",
            "Sends a request to the server that its cookie names although the server is down.",
            &[("option persist", "persist")],
        ),
        sections: Sections::D_BE,
        apply: |_, draft, _| {
            draft.out.persist.on_down = draft.flag(false);
            Ok(())
        },
    },
    Setting {
        meta: Meta::new(
            "persist rdp-cookie",
            "persist rdp-cookie[(<name>)]",
            "Brings the clients of terminal servers back to the one whose address their RDP cookie says, 'msts' where no name is given.",
            &[
                ("persist rdp-cookie", "persist rdp-cookie(msts)"),
                ("persist rdp-cookie(other)", "persist rdp-cookie(other)"),
            ],
        ),
        sections: Sections::D_BE,
        apply: rdp_cookie,
    },
    Setting {
        meta: Meta::new(
            "force-persist",
            "force-persist { if | unless } <condition>",
            "Sends requests for which the condition holds to the server that their cookie names although it is down.",
            &[("force-persist if { src 127.0.0.1 }", "force-persist if")],
        ),
        sections: Sections::BE,
        apply: |words, draft, scope| rule(words, draft, scope, "force-persist"),
    },
    Setting {
        meta: Meta::new(
            "ignore-persist",
            "ignore-persist { if | unless } <condition>",
            "Neither reads nor sets the cookie for requests for which the condition holds.",
            &[("ignore-persist if { path_end .png }", "ignore-persist if")],
        ),
        sections: Sections::BE,
        apply: |words, draft, scope| rule(words, draft, scope, "ignore-persist"),
    },
];

fn rule(words: &mut Words<'_>, draft: &mut ProxyDraft, scope: &Scope<'_>, keyword: &str) -> Result<()> {
    if !matches!(words.peek_str(), "if" | "unless") {
        let message = format!("'{keyword}' requires either 'if' or 'unless' followed by a condition.");
        return Err(sentence(words.span(), "missing", message));
    }
    let place = format!("error detected while parsing a '{keyword}' rule : ");
    let cond = Cond::bind(words, &scope.at(Hook::UseServer)).map_err(|error| Box::new(error.context(place)))?;
    draft.out.persist.rules.extend(cond.map(|cond| PersistRule { force: keyword == "force-persist", cond }));
    Ok(())
}

fn rdp_cookie(words: &mut Words<'_>, draft: &mut ProxyDraft, scope: &Scope<'_>) -> Result<()> {
    let span = words.span();
    let name = match words.peek_str().strip_prefix("rdp-cookie(") {
        Some(argument) => {
            words.next_word();
            argument
                .strip_suffix(')')
                .filter(|name| !name.is_empty())
                .ok_or_else(|| sentence(span, "missing", "'persist rdp-cookie(name)' requires an rdp cookie name."))?
        }
        None => "msts",
    };
    let fetch = [Word::new(format!("req.rdp_cookie({name})"), span)];
    let value = Expr::shared(&mut Words::new(&fetch, span), &scope.at(Hook::UseServer))?;
    draft.out.persist.rdp_cookie = Some((name.into(), value));
    Ok(())
}

fn cookie(words: &mut Words<'_>, draft: &mut ProxyDraft, scope: &Scope<'_>) -> Result<()> {
    let Some(name) = words.next_word() else {
        return Err(sentence(words.end(), "missing", "'cookie' expects <cookie_name> as argument."));
    };
    let mut out = Cookie {
        name: name.as_str().into(),
        mode: CookieMode::Passive,
        options: CookieOptions::empty(),
        max_idle: None,
        max_life: None,
        attributes: "".into(),
    };
    let mut parts = Attributes::default();
    while let Some(word) = words.next_word() {
        option(word, words, &mut out, &mut parts, scope)?;
    }
    if out.mode == CookieMode::Rewrite && out.options.contains(CookieOptions::INDIRECT) {
        return Err(sentence(name.span, "conflict", "cookie 'rewrite' and 'indirect' modes are incompatible."));
    }
    let kept = out.options.contains(CookieOptions::PRESERVE);
    if kept && out.mode != CookieMode::Insert && !out.options.contains(CookieOptions::INDIRECT) {
        let message = "cookie 'preserve' requires at least 'insert' or 'indirect'.";
        return Err(sentence(name.span, "conflict", message));
    }
    out.attributes = parts.join(out.options).into();
    draft.out.persist.cookie = Some(out);
    Ok(())
}

/// `domain` and `attr` in the order of a `Set-Cookie` field.
#[derive(Default)]
struct Attributes {
    domains: String,
    others: String,
}

impl Attributes {
    fn join(self, options: CookieOptions) -> String {
        let flag = |flag, text| if options.contains(flag) { text } else { "" };
        let (http, secure) = (flag(CookieOptions::HTTPONLY, "; HttpOnly"), flag(CookieOptions::SECURE, "; Secure"));
        [&self.domains, http, secure, &self.others].concat()
    }
}

fn option(
    word: &Word,
    words: &mut Words<'_>,
    out: &mut Cookie,
    parts: &mut Attributes,
    scope: &Scope<'_>,
) -> Result<()> {
    match word.as_str() {
        "rewrite" => mode(word, out, CookieMode::Rewrite)?,
        "insert" => mode(word, out, CookieMode::Insert)?,
        "prefix" => mode(word, out, CookieMode::Prefix)?,
        "domain" => {
            let domain = argument(words, "'domain' expects <domain> as argument.")?;
            if !domain.as_str().get(1..).unwrap_or_default().contains('.') {
                let text = format!(
                    "domain '{domain}' contains no embedded dot, this configuration may not work properly (see RFC6265#5.2.3)."
                );
                scope.diags.push(Diagnostic::warning("cookie-domain", text).at(domain.span));
            }
            if let Some(bad) = domain.as_str().chars().find(|c| !c.is_ascii_alphanumeric() && !".-_".contains(*c)) {
                let message = format!("character '{bad}' is not permitted in domain name '{domain}'.");
                return Err(sentence(domain.span, "bad-character", message));
            }
            parts.domains.push_str(&format!("; domain={domain}"));
        }
        "attr" => {
            let value = argument(words, "'attr' expects <value> as argument.")?;
            if let Some(bad) = value.as_bytes().iter().find(|byte| byte.is_ascii_control() || **byte == b';') {
                let message = format!("character '%x{bad:02X}' is not permitted in attribute value.");
                return Err(sentence(value.span, "bad-character", message));
            }
            parts.others.push_str(&format!("; {value}"));
        }
        "maxidle" => {
            let missing = "'maxidle' expects <idletime> in seconds as argument.";
            out.max_idle = seconds(argument(words, missing)?, "maxidle")?;
        }
        "maxlife" => {
            let missing = "'maxlife' expects <lifetime> in seconds as argument.";
            out.max_life = seconds(argument(words, missing)?, "maxlife")?;
        }
        name => match CookieOptions::NAMES.iter().find(|(known, _)| *known == name) {
            Some((_, option)) => out.options |= *option,
            None => {
                let message = "'cookie' supports 'rewrite', 'insert', 'prefix', 'indirect', 'nocache', 'postonly', \
                               'domain', 'maxidle', 'dynamic', 'maxlife' and 'attr' options.";
                return Err(sentence(word.span, "unknown", message));
            }
        },
    }
    Ok(())
}

fn mode(word: &Word, out: &mut Cookie, mode: CookieMode) -> Result<()> {
    if out.mode != CookieMode::Passive && out.mode != mode {
        let message = "cookie 'rewrite', 'insert' and 'prefix' modes are incompatible.";
        return Err(sentence(word.span, "conflict", message));
    }
    out.mode = mode;
    Ok(())
}

fn argument<'a>(words: &mut Words<'a>, missing: &str) -> Result<&'a Word> {
    words.next_word().ok_or_else(|| sentence(words.end(), "missing", missing))
}

/// A time in seconds; 0 sets none.
fn seconds(word: &Word, keyword: &str) -> Result<Option<u32>> {
    match duration::parse(word.as_str(), Unit::Second, Unit::Second) {
        Ok(seconds) => Ok(Some(seconds).filter(|seconds| *seconds > 0)),
        Err(error) => Err(sentence(word.span, "bad-time", error.message(word.as_str(), keyword))),
    }
}
