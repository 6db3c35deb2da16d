//! `compression ...` and the `filter` lines that go with it (manual 4.2, 9.2).

use super::ProxyDraft;
use crate::diag::Diagnostic;
use crate::ir::{Coding, Compression};
use crate::keyword::{Meta, Result, Scope, Sections, Setting, Words};
use crate::lower::table::sentence;
use crate::lower::values::bytes;

/// What was said of directions, in two places.
#[derive(Clone, Copy, Default)]
pub(super) struct Directions {
    /// `compression direction`: responses, requests.
    said: Option<(bool, bool)>,
    /// `filter comp-res`, `filter comp-req`.
    filters: (bool, bool),
}

macro_rules! entry {
    ($name:literal, $usage:literal, $doc:literal, $example:expr, $apply:expr) => {
        Setting { meta: Meta::new($name, $usage, $doc, &[$example]), sections: Sections::D_PROXY, apply: $apply }
    };
}

macro_rules! filter {
    ($name:literal, $doc:literal, $apply:expr) => {
        Setting {
            meta: Meta::new($name, $name, $doc, &[($name, "compression -")]),
            sections: Sections::PROXY,
            apply: $apply,
        }
    };
}

pub(super) static SETTINGS: &[Setting<ProxyDraft>] = &[
    entry!(
        "compression algo",
        "compression algo { identity | gzip | deflate | raw-deflate }...",
        "Compresses responses with the coding that the client likes best.",
        ("compression algo gzip", "compression gzip"),
        |words, draft, _| codings(words, draft)
    ),
    entry!(
        "compression algo-res",
        "compression algo-res { identity | gzip | deflate | raw-deflate }...",
        "Compresses responses with the coding that the client likes best.",
        ("compression algo-res gzip", "compression gzip"),
        |words, draft, _| codings(words, draft)
    ),
    entry!(
        "compression algo-req",
        "compression algo-req { identity | gzip | deflate | raw-deflate }",
        "Compresses requests with this coding, if 'compression direction' or a filter says that requests are compressed.",
        ("compression algo-req gzip", "compression - request gzip"),
        |words, draft, _| {
            let coding = coding(words)?;
            draft.compression().request_coding = Some(coding);
            Ok(())
        }
    ),
    entry!(
        "compression type",
        "compression type <mime type>...",
        "Compresses only responses whose 'Content-Type' begins with one of these.",
        ("compression type text/ application/json", "compression - text/ application/json"),
        |words, draft, _| types(words, draft, |compression| &mut compression.types)
    ),
    entry!(
        "compression type-res",
        "compression type-res <mime type>...",
        "Compresses only responses whose 'Content-Type' begins with one of these.",
        ("compression type-res text/", "compression - text/"),
        |words, draft, _| types(words, draft, |compression| &mut compression.types)
    ),
    entry!(
        "compression type-req",
        "compression type-req <mime type>...",
        "Compresses only requests whose 'Content-Type' begins with one of these.",
        ("compression type-req text/", "compression - request text/"),
        |words, draft, _| types(words, draft, |compression| &mut compression.request_types)
    ),
    entry!(
        "compression minsize-res",
        "compression minsize-res <size>",
        "Leaves responses with a body of less than so many bytes as they are.",
        ("compression minsize-res 1k", "compression - minsize 1024"),
        |words, draft, _| {
            let size = bytes(words)?;
            draft.compression().min_size = size;
            Ok(())
        }
    ),
    entry!(
        "compression minsize-req",
        "compression minsize-req <size>",
        "Leaves requests with a body of less than so many bytes as they are.",
        ("compression minsize-req 1k", "compression - request minsize 1024"),
        |words, draft, _| {
            let size = bytes(words)?;
            draft.compression().request_min_size = size;
            Ok(())
        }
    ),
    entry!(
        "compression offload",
        "compression offload",
        "Does not tell servers which codings the client accepts, so that only the proxy compresses.",
        ("compression offload", "compression - offload"),
        offload
    ),
    entry!(
        "compression direction",
        "compression direction { request | response | both }",
        "Says which messages are compressed. The default is 'response'.",
        ("compression direction both", "compression - requests"),
        direction
    ),
    filter!("filter comp-res", "Compresses responses as the 'compression' lines say.", |_, draft, _| {
        draft.compression();
        draft.directions.filters.0 = true;
        Ok(())
    }),
    filter!("filter comp-req", "Compresses requests as the 'compression' lines say.", |_, draft, _| {
        draft.compression();
        draft.directions.filters.1 = true;
        Ok(())
    }),
    filter!(
        "filter compression",
        "Compresses as the 'compression' lines say, which do not need it.",
        |words, draft, _| {
            if let Some(word) = words.next_word() {
                return Err(sentence(
                    word.span,
                    "left-over",
                    format!("'filter compression' : unknown keyword '{word}'."),
                ));
            }
            draft.compression();
            Ok(())
        }
    ),
];

fn coding(words: &mut Words<'_>) -> Result<Coding> {
    let span = words.span();
    let name = words.next_word().map_or("", |word| word.as_str());
    Coding::ALL.into_iter().find(|coding| coding.name() == name).ok_or_else(|| {
        let error = sentence(span, "unknown", format!("'compression' : '{name}' is not a supported algorithm."));
        Box::new(error.help("the algorithms are 'identity', 'gzip', 'deflate' and 'raw-deflate'"))
    })
}

fn codings(words: &mut Words<'_>, draft: &mut ProxyDraft) -> Result<()> {
    if words.is_empty() {
        return Err(sentence(words.end(), "missing", "'compression' expects <algorithm>."));
    }
    while !words.is_empty() {
        let coding = coding(words)?;
        draft.compression().codings.push(coding);
    }
    Ok(())
}

fn types(
    words: &mut Words<'_>,
    draft: &mut ProxyDraft,
    list: fn(&mut Compression) -> &mut Vec<Box<[u8]>>,
) -> Result<()> {
    if words.is_empty() {
        return Err(sentence(words.end(), "missing", "'compression' expects <type>."));
    }
    let found = words.take_rest().iter().map(|word| word.as_bytes().into());
    list(draft.compression()).extend(found);
    Ok(())
}

fn offload(_: &mut Words<'_>, draft: &mut ProxyDraft, scope: &Scope<'_>) -> Result<()> {
    if draft.kind == Sections::DEFAULTS {
        let text = "'compression' : 'offload' ignored in 'defaults' section.";
        scope.diags.push(Diagnostic::warning("section", text).at(draft.line));
    } else if !draft.inherited {
        draft.compression().offload = true;
    }
    Ok(())
}

fn direction(words: &mut Words<'_>, draft: &mut ProxyDraft, _: &Scope<'_>) -> Result<()> {
    let span = words.span();
    let said = match words.next_word().map_or("", |word| word.as_str()) {
        "response" => (true, false),
        "request" => (false, true),
        "both" => (true, true),
        _ => return Err(sentence(span, "unknown", "'compression' expects 'request', 'response', or 'both'.")),
    };
    draft.compression();
    draft.directions.said = Some(said);
    Ok(())
}

impl ProxyDraft {
    fn compression(&mut self) -> &mut Compression {
        self.out.compression.get_or_insert_default()
    }

    /// Filters say the direction where there are any; responses are compressed if nothing is said.
    pub(super) fn finish_compression(&mut self) {
        let Directions { said, filters } = self.directions;
        let filters = Some(filters).filter(|filters| filters.0 || filters.1);
        if let Some(compression) = &mut self.out.compression {
            (compression.responses, compression.requests) = filters.or(said).unwrap_or((true, false));
        }
    }
}
