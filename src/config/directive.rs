//! Lines that the language itself acts on: `.if` and relatives, messages (manual 2.4), and the four keywords of the global
//! section that change the environment (manual 3.1).

use super::block::{Blocks, Verdict};
use super::condition::{self, ConditionError};
use super::env::{Env, InvalidName};
use super::predicate::{self, Facts};
use super::words::{LineContext, words};
use crate::diag::{Diagnostic, Diagnostics, Lead, Severity, SourceMap, Span, Word, suggest};

/// Evaluates the text of a condition as a command line gives it (`-cc`): it is cut into words like a line of a file.
pub fn eval_condition(text: &str, env: &Env, facts: &Facts<'_>) -> Result<bool, Diagnostic> {
    let failed = |message: String| {
        Diagnostic::alert("bad-condition", format!("Failed to evaluate condition: {message}")).lead(Lead::Config)
    };
    let file = SourceMap::new().add("-cc", text.as_bytes());
    let context = LineContext { env, file, file_name: "", line: 1, section: b"" };
    let words = words(text.as_bytes(), &context, &Diagnostics::new()).map_err(|error| failed(error.message))?;
    condition::evaluate(&joined(&words), env, facts).map_err(|error| failed(error.message))
}

/// Acts on a line whose first word starts with a dot. True if it was one of the language's; whoever calls reports others.
pub(super) fn directive(
    words: &[Word],
    blocks: &mut Blocks,
    env: &Env,
    facts: &Facts<'_>,
    found: &Diagnostics,
) -> bool {
    let Some((first, arguments)) = words.split_first() else { return false };
    let name = first.as_str();
    let condition = || verdict(name, first.span, arguments, env, facts, found);
    let done = match name {
        ".if" => {
            blocks.begin(first.span, condition);
            Ok(())
        }
        ".elif" => blocks.alternative(first.span, condition),
        ".else" => no_argument(name, arguments, found, || blocks.otherwise(first.span)),
        ".endif" => no_argument(name, arguments, found, || blocks.end(first.span)),
        // Everything else counts where lines count.
        _ if !blocks.active() => Ok(()),
        ".diag" => message(name, Severity::Diag, first.span, arguments, found),
        ".notice" => message(name, Severity::Notice, first.span, arguments, found),
        ".warning" => message(name, Severity::Warning, first.span, arguments, found),
        ".alert" => message(name, Severity::Alert, first.span, arguments, found),
        _ => Err(unknown(first)),
    };
    found.ok(done);
    true
}

/// Acts on `setenv`, `presetenv`, `unsetenv` and `resetenv`, so that the following lines see the change.
pub(super) fn environment(words: &[Word], env: &mut Env, found: &Diagnostics) {
    let Some((keyword, arguments)) = words.split_first() else { return };
    match keyword.as_str() {
        "setenv" => assign(keyword, arguments, found, |name, value| env.set(name, value)),
        "presetenv" => assign(keyword, arguments, found, |name, value| env.preset(name, value)),
        "resetenv" => env.keep_only(&arguments.iter().map(Word::as_bytes).collect::<Vec<_>>()),
        "unsetenv" => {
            if arguments.is_empty() {
                found.push(tight("missing-argument", "'unsetenv' expects at least one variable name.", keyword.span));
            }
            for name in arguments {
                found.ok(env.unset(name.as_bytes()).map_err(|InvalidName| bad_name(keyword, name)));
            }
        }
        _ => {}
    }
}

fn assign(
    keyword: &Word,
    arguments: &[Word],
    found: &Diagnostics,
    change: impl FnOnce(&[u8], &[u8]) -> Result<(), InvalidName>,
) {
    found.ok(match arguments {
        [name, value] => change(name.as_bytes(), value.as_bytes()).map_err(|InvalidName| bad_name(keyword, name)),
        [_, _, extra, ..] => {
            let message = format!("'{keyword}' cannot handle unexpected argument '{extra}'.");
            Err(Diagnostic::alert("extra-argument", message)
                .at(extra.span)
                .help("put quotes around a value that contains spaces"))
        }
        _ => Err(tight("missing-argument", &format!("'{keyword}' expects a name and a value."), keyword.span)),
    });
}

fn tight(code: &'static str, message: &str, span: Span) -> Diagnostic {
    Diagnostic::alert(code, message).lead(Lead::ParsingTight).at(span)
}

fn bad_name(keyword: &Word, name: &Word) -> Diagnostic {
    let message = format!("'{keyword}' failed on variable '{name}' : Invalid argument.");
    tight("bad-variable", &message, name.span).label("a name is not empty and contains no '='")
}

/// Evaluates the condition behind `.if` or `.elif`: the words, joined by single spaces.
fn verdict(
    name: &str,
    directive: Span,
    arguments: &[Word],
    env: &Env,
    facts: &Facts<'_>,
    found: &Diagnostics,
) -> Verdict {
    let joined = joined(arguments);
    match condition::evaluate(&joined, env, facts) {
        Ok(value) => Some(value),
        Err(error) => {
            found.push(broken(name, directive, arguments, &joined, error));
            None
        }
    }
}

fn joined(words: &[Word]) -> String {
    words.iter().map(Word::as_str).collect::<Vec<_>>().join(" ")
}

fn broken(name: &str, directive: Span, arguments: &[Word], joined: &str, error: ConditionError) -> Diagnostic {
    let ConditionError { message, at } = error;
    let word: String =
        joined.get(at..).unwrap_or_default().chars().take_while(|c| c.is_ascii_alphanumeric() || *c == '_').collect();
    let found = tight(
        "bad-condition",
        &format!("{message} in '{name}' at position {}:", at + 1),
        place(directive, arguments, at),
    );
    match suggest(&word, predicate::names()) {
        Some(near) if near != word => found.help(format!("did you mean the predicate '{near}'?")),
        _ => found.help("a condition is a number, a predicate such as 'defined(NAME)', or these joined with '&&', '||', '!' and '()'"),
    }
}

/// Where byte `at` of the joined words was written.
fn place(directive: Span, arguments: &[Word], mut at: usize) -> Span {
    let mut last = directive;
    for word in arguments {
        let length = word.as_str().len();
        // Text that is not UTF-8 has no byte-by-byte way back.
        if at < length && word.is_utf8() {
            return word.part(at..at + 1);
        }
        if at <= length {
            return word.span;
        }
        at -= length + 1;
        last = word.span;
    }
    last.after()
}

/// The directive works all the same: what follows would be misread otherwise.
fn no_argument(
    name: &str,
    arguments: &[Word],
    found: &Diagnostics,
    act: impl FnOnce() -> Result<(), Diagnostic>,
) -> Result<(), Diagnostic> {
    if let Some(extra) = arguments.first() {
        found.push(tight("extra-argument", &format!("Unexpected argument '{extra}' for '{name}'."), extra.span));
    }
    act()
}

fn message(
    name: &str,
    severity: Severity,
    at: Span,
    arguments: &[Word],
    found: &Diagnostics,
) -> Result<(), Diagnostic> {
    if let Some(extra) = arguments.get(1) {
        let message =
            format!("Unexpected argument '{extra}' for '{name}'. Use quotes if the message should contain spaces.");
        return Err(tight("extra-argument", &message, extra.span));
    }
    let text = arguments.first().map_or("", Word::as_str);
    found.push(Diagnostic::new(severity, "message", format!("'{text}'.")).lead(Lead::ParsingTight).at(at));
    Ok(())
}

fn unknown(first: &Word) -> Diagnostic {
    let found = tight("unknown-directive", &format!("unknown directive '{first}'."), first.span);
    match suggest(first.as_str(), DIRECTIVES) {
        Some(near) => found.help(format!("did you mean '{near}'?")),
        None => found.help(format!("the directives are {}", DIRECTIVES.join(", "))),
    }
}

const DIRECTIVES: [&str; 8] = [".if", ".elif", ".else", ".endif", ".diag", ".notice", ".warning", ".alert"];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_condition_of_the_command_line_is_cut_into_words() {
        let env = Env::from_iter([("A", "1")]);
        let check = |text| eval_condition(text, &env, &Facts::default()).map_err(|error| error.message);
        assert_eq!(check("streq(\"$A\",1)   &&  defined(A)"), Ok(true));
        assert_eq!(check(""), Ok(false));
        assert_eq!(check("1 # comment"), Ok(true));
        assert_eq!(
            check("nope").unwrap_err(),
            "Failed to evaluate condition: unparsable conditional expression 'nope'"
        );
        assert_eq!(check("\"1").unwrap_err(), "Failed to evaluate condition: unmatched quote at position 1:");
    }
}
