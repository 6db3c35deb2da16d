//! Directives of HTTP proxies (manual 4.2): forwarded addresses, monitoring, captures, unique ids.

use std::net::IpAddr;

use super::ProxyDraft;
use crate::diag::{Span, Word};
use crate::expr::captures::CaptureSlots;
use crate::expr::{Cond, Dir};
use crate::http::HeaderName;
use crate::ir::Forwarded;
use crate::keyword::{Hook, Meta, Result, Scope, Sections, Setting, Words, error_at};
use crate::lower::table::sentence;

pub(super) static SETTINGS: &[Setting<ProxyDraft>] = &[
    Setting {
        meta: Meta::new(
            "option forwardfor",
            "option forwardfor [except <network>] [header <name>] [if-none]",
            "Adds the client's address to requests in 'X-Forwarded-For' or another field.",
            &[("option forwardfor if-none", "forwardfor x-forwarded-for if-none")],
        ),
        sections: Sections::D_PROXY,
        apply: |words, draft, _| {
            draft.out.forwardfor = Some(forwarded(words, "forwardfor", "x-forwarded-for")?);
            Ok(())
        },
    },
    Setting {
        meta: Meta::new(
            "option originalto",
            "option originalto [except <network>] [header <name>]",
            "Adds the address the client connected to to requests in 'X-Original-To' or another field.",
            &[("option originalto", "originalto x-original-to")],
        ),
        sections: Sections::D_PROXY,
        apply: |words, draft, _| {
            draft.out.originalto = Some(forwarded(words, "originalto", "x-original-to")?);
            Ok(())
        },
    },
    Setting {
        meta: Meta::new(
            "monitor-uri",
            "monitor-uri <uri>",
            "Answers requests for this path itself, with 200, for those who monitor the proxy.",
            &[("monitor-uri /alive", "monitor-uri /alive")],
        ),
        sections: Sections::D_FE,
        apply: |words, draft, _| {
            draft.out.monitor_uri = Some(words.expect("an URI.")?.as_bytes().into());
            Ok(())
        },
    },
    Setting {
        meta: Meta::new(
            "monitor fail",
            "monitor fail { if | unless } <condition>",
            "Answers 503 instead of 200 to 'monitor-uri' while the condition holds.",
            &[("monitor fail if { nbsrv(app) lt 1 }", "monitor fail if")],
        ),
        sections: Sections::FE,
        apply: monitor_fail,
    },
    Setting {
        meta: Meta::new(
            "capture cookie",
            "capture cookie <name> len <length>",
            "Keeps the first cookie whose name begins so, of the request and of the response, for the log, cut to a length.",
            &[("capture cookie SESSION= len 32", "capture cookie SESSION= 32")],
        ),
        sections: Sections::FE,
        apply: capture_cookie,
    },
    Setting {
        meta: Meta::new(
            "capture request header",
            "capture request header <name> len <length>",
            "Keeps the last value of a request field for the log, cut to a length.",
            &[("capture request header Host len 32", "capture request host 32")],
        ),
        sections: Sections::FE,
        apply: |words, draft, scope| {
            let slot = capture(words, "capture request")?;
            draft.take_slot(Dir::Request, slot, scope);
            Ok(())
        },
    },
    Setting {
        meta: Meta::new(
            "capture response header",
            "capture response header <name> len <length>",
            "Keeps the last value of a response field for the log, cut to a length.",
            &[("capture response header Server len 32", "capture response server 32")],
        ),
        sections: Sections::FE,
        apply: |words, draft, scope| {
            let slot = capture(words, "capture response")?;
            draft.take_slot(Dir::Response, slot, scope);
            Ok(())
        },
    },
    Setting {
        meta: Meta::new(
            "declare capture",
            "declare capture { request | response } len <length>",
            "Makes room for a value that a 'capture' action stores.",
            &[("declare capture request len 32", "capture request - 32")],
        ),
        sections: Sections::FE,
        apply: declare_capture,
    },
    Setting {
        meta: Meta::new(
            "unique-id-format",
            "unique-id-format <fmt>",
            "Makes an id for each request.",
            &[("unique-id-format %{+X}o%ci:%cp_%rt", "unique-id %{+X}o%ci:%cp_%rt")],
        ),
        sections: Sections::D_PROXY,
        apply: |words, draft, _| {
            let Some(word) = words.next_word() else {
                return Err(sentence(words.end(), "missing", "unique-id-format expects an argument."));
            };
            draft.unique_id = Some(word.clone());
            Ok(())
        },
    },
    Setting {
        meta: Meta::new(
            "unique-id-header",
            "unique-id-header <name>",
            "Adds the id of 'unique-id-format' to requests in this field.",
            &[("unique-id-header X-Request-Id", "unique-id-header x-request-id")],
        ),
        sections: Sections::D_FE,
        apply: |words, draft, _| {
            let Some(word) = words.next_word() else {
                return Err(sentence(words.end(), "missing", "unique-id-header expects an argument."));
            };
            draft.out.unique_id_header = Some(header_name(word)?);
            Ok(())
        },
    },
    Setting {
        meta: Meta::new(
            "http-send-name-header",
            "http-send-name-header <header>",
            "Tells the server by what name it is known here, in this field of each request.",
            &[("http-send-name-header X-Server", "http-send-name-header x-server")],
        ),
        sections: Sections::D_BE,
        apply: |words, draft, _| {
            let Some(word) = words.next_word() else {
                return Err(sentence(words.end(), "missing", "'http-send-name-header' requires a header string."));
            };
            draft.out.name_header = Some(name_header(word)?);
            Ok(())
        },
    },
];

/// The field of `http-send-name-header`; those that say how a request is read, and for whom it is, must stay true.
fn name_header(word: &Word) -> Result<HeaderName> {
    let name = header_name(word)?;
    if matches!(name.as_bytes(), b"host" | b"content-length" | b"transfer-encoding" | b"connection") {
        let message = format!(
            "'http-send-name-header' cannot use the header '{word}': write one of your own, such as 'x-server'."
        );
        return Err(sentence(word.span, "forbidden-header", message));
    }
    Ok(name)
}

/// A field name: a token (RFC 9110, 5.1).
pub(super) fn header_name(word: &Word) -> Result<HeaderName> {
    let token = |byte: &u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(byte);
    if word.is_empty() || !word.as_bytes().iter().all(token) {
        return Err(error_at(word.span, format!("'{word}' is not a valid header field name.")));
    }
    Ok(HeaderName::new(word.as_bytes()))
}

fn forwarded(words: &mut Words<'_>, option: &str, header: &str) -> Result<Forwarded> {
    let mut out = Forwarded { header: HeaderName::new(header), except: None, if_none: false };
    while let Some(word) = words.next_word() {
        match word.as_str() {
            "except" => {
                let missing = |span| {
                    let message = format!("'option {option} except' expects <address>[/mask] as argument.");
                    sentence(span, "missing", message)
                };
                let network = words.next_word().ok_or_else(|| missing(words.end()))?;
                out.except = Some(parse_network(network.as_str()).ok_or_else(|| missing(network.span))?);
            }
            "header" => {
                let Some(name) = words.next_word() else {
                    let message = format!("'option {option} header' expects <header_name> as argument.");
                    return Err(sentence(words.end(), "missing", message));
                };
                out.header = header_name(name)?;
            }
            "if-none" if option == "forwardfor" => out.if_none = true,
            _ => {
                let values =
                    if option == "forwardfor" { "'except', 'header' and 'if-none'" } else { "'except' and 'header'" };
                let message = format!("'option {option}' only supports optional values: {values}.");
                return Err(sentence(word.span, "unknown", message));
            }
        }
    }
    Ok(out)
}

/// `<address>[/<mask>]`, the mask as a number of bits or as an IPv4 mask.
fn parse_network(text: &str) -> Option<(IpAddr, u8)> {
    let (addr, mask) = text.split_once('/').map_or((text, None), |(addr, mask)| (addr, Some(mask)));
    let addr: IpAddr = addr.parse().ok()?;
    let widest = if addr.is_ipv4() { 32 } else { 128 };
    let bits = match mask {
        None => widest,
        Some(mask) => match mask.parse::<u8>() {
            Ok(bits) => bits,
            Err(_) => {
                let mask = u32::from(mask.parse::<std::net::Ipv4Addr>().ok()?);
                let bits = mask.leading_ones();
                (mask.count_ones() == bits).then_some(bits as u8)?
            }
        },
    };
    (bits <= widest).then_some((addr, bits))
}

fn monitor_fail(words: &mut Words<'_>, draft: &mut ProxyDraft, scope: &Scope<'_>) -> Result<()> {
    let message = "'monitor fail' requires either 'if' or 'unless' followed by a condition.";
    if !matches!(words.peek_str(), "if" | "unless") {
        return Err(sentence(words.span(), "missing", message));
    }
    let place = "error detected while parsing a 'monitor fail' condition : ";
    let cond = Cond::bind(words, &scope.at(Hook::HttpRequest)).map_err(|error| Box::new(error.context(place)))?;
    draft.out.monitor_fail.extend(cond);
    Ok(())
}

/// `<name> len <length>`.
fn capture(words: &mut Words<'_>, keyword: &str) -> Result<(Option<HeaderName>, usize)> {
    let usage =
        |span: Span| sentence(span, "usage", format!("'{keyword}' expects 'header' <header_name> 'len' <len>."));
    let name = words.next_word().ok_or_else(|| usage(words.end()))?;
    if !words.take("len") {
        return Err(usage(words.span()));
    }
    let length = words.next_word().ok_or_else(|| usage(words.end()))?;
    let length = length.as_str().parse().ok().filter(|length| *length > 0).ok_or_else(|| usage(length.span))?;
    Ok((Some(header_name(name)?), length))
}

fn capture_cookie(words: &mut Words<'_>, draft: &mut ProxyDraft, _: &Scope<'_>) -> Result<()> {
    let usage = |span: Span| sentence(span, "usage", "'capture' expects 'cookie' <cookie_name> 'len' <len>.");
    let name = words.next_word().ok_or_else(|| usage(words.end()))?;
    if !words.take("len") {
        return Err(usage(words.span()));
    }
    let length = words.next_word().ok_or_else(|| usage(words.end()))?;
    let length = length.as_str().parse().ok().filter(|length| *length > 0).ok_or_else(|| usage(length.span))?;
    draft.out.capture_cookie = Some((name.as_bytes().into(), length));
    Ok(())
}

fn declare_capture(words: &mut Words<'_>, draft: &mut ProxyDraft, scope: &Scope<'_>) -> Result<()> {
    let span = words.span();
    let direction = words.next_word().map_or("", |word| word.as_str());
    if !matches!(direction, "request" | "response") {
        let message = "'declare capture' requires a direction ('request' or 'response')";
        return Err(sentence(span, "usage", message));
    }
    if !words.take("len") {
        let message = "'declare capture' requires a capture length ('len')";
        return Err(sentence(words.span(), "usage", message));
    }
    let span = words.span();
    let length = words.next_word().and_then(|word| word.as_str().parse().ok()).filter(|length| *length > 0);
    let message = "'declare capture': 'len' requires a numeric value that represents the capture length";
    let length = length.ok_or_else(|| sentence(span, "usage", message))?;
    let direction = if direction == "request" { Dir::Request } else { Dir::Response };
    draft.take_slot(direction, (None, length), scope);
    Ok(())
}

impl ProxyDraft {
    /// The next capture slot, for a field or for whatever an action stores.
    fn take_slot(&mut self, dir: Dir, slot: (Option<HeaderName>, usize), scope: &Scope<'_>) {
        CaptureSlots::of(self.out.id, scope).declare(dir, slot.1);
        match dir {
            Dir::Request => self.out.capture_req.push(slot),
            Dir::Response => self.out.capture_res.push(slot),
        }
    }

    /// Makes room for what the `capture` action of a rule just bound will store.
    pub(super) fn take_slots_of_rules(&mut self, scope: &Scope<'_>) {
        let lengths = CaptureSlots::of(self.out.id, scope).all(Dir::Request);
        let known = self.out.capture_req.len();
        self.out.capture_req.extend(lengths.into_iter().skip(known).map(|length| (None, length)));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn networks_have_bits_or_a_mask() {
        let v4 = |text: &str| parse_network(text).map(|(ip, bits)| (ip.to_string(), bits));
        assert_eq!(v4("127.0.0.1"), Some(("127.0.0.1".to_owned(), 32)));
        assert_eq!(v4("10.0.0.0/8"), Some(("10.0.0.0".to_owned(), 8)));
        assert_eq!(v4("10.0.0.0/255.255.0.0"), Some(("10.0.0.0".to_owned(), 16)));
        assert_eq!(v4("::1/64"), Some(("::1".to_owned(), 64)));
        for bad in ["", "x", "10.0.0.0/33", "10.0.0.0/255.0.255.0", "::1/129"] {
            assert_eq!(v4(bad), None, "{bad}");
        }
    }
}
