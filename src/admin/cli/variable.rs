//! Variables of the process (manual 2.8, management.txt 9.3): `get var`, `set var`.

use std::cell::RefCell;

use super::{Answer, Command, Done, Level, Shell, flat};
use crate::base::value::Value;
use crate::diag::{Diagnostics, Span, Word};
use crate::expr::log_format::Style;
use crate::expr::{Expr, LogFormat, args, outside_streams};
use crate::keyword::{self, Defined, Hook, Meta, Names, Scope, VarNames, VarScope, Words};

pub(super) static COMMANDS: &[Command] = &[
    Command {
        meta: Meta::new(
            "get var",
            "get var <name>",
            "retrieve contents of a process-wide variable",
            &[("get var proc.none", "Variable not found.")],
        ),
        level: Level::Operator,
        run: |shell, words| flat(get(shell, words)),
    },
    Command {
        meta: Meta::new(
            "set var",
            "set var <name> [fmt|expr] {<fmt>|<expr>}",
            "set variable from an expression/format",
            &[("set var proc.x int(5)", "This command is restricted to experimental mode only.")],
        ),
        level: Level::Operator,
        run: |shell, words| flat(set(shell, words)),
    },
];

fn get(shell: &Shell<'_>, words: &[&str]) -> Done {
    let Some(name) = words.first() else {
        return Err(Answer::error("Missing process-wide variable identifier."));
    };
    let slot = name.strip_prefix("proc.").and_then(keyword::process_variable);
    let value = slot.and_then(|slot| shell.view.process.variables.value(slot));
    let value = value.ok_or_else(|| Answer::error("Variable not found."))?;
    Ok(Answer::data(format!("{name}: type={} value=<{}>\n", value.kind().name(), value.printable())))
}

fn set(shell: &Shell<'_>, words: &[&str]) -> Done {
    if !shell.console.experimental {
        return Err(Answer::error("This command is restricted to experimental mode only."));
    }
    let [name, value @ ..] = words else {
        return Err(Answer::error("Missing process-wide variable identifier."));
    };
    let (is_format, value) = match value {
        [] | ["expr" | "fmt"] => return Err(Answer::error("Missing either 'expr', 'fmt' or expression.")),
        ["fmt", format, ..] => (true, std::slice::from_ref(format)),
        ["expr", value @ ..] => (false, value),
        [value] => (false, std::slice::from_ref(value)),
        [kind, ..] => {
            let message = format!("'set var': arg type must be either 'expr' or 'fmt' but got '{kind}'.");
            return Err(Answer::error(message));
        }
    };
    let (names, acls, vars, files) = (Names::default(), Defined::new(), VarNames::default(), RefCell::default());
    let (diags, interned) = (Diagnostics::new(), RefCell::default());
    let scope = Scope {
        names: &names,
        proxy: None,
        http: false,
        hook: Hook::Internal,
        acls: &acls,
        vars: &vars,
        files: &files,
        diags: &diags,
        interned: &interned,
    };
    let word = |text: &&str| Word::new(*text, Span::nowhere());
    let said = |error: keyword::Error| Answer::error(error.message.clone());
    let var = args::variable_of(&word(name), &scope).map_err(said)?;
    if var.scope != VarScope::Proc {
        let message = format!("'set var': cannot set variable '{name}', only scope 'proc' is permitted here.");
        return Err(Answer::error(message));
    }
    let value: Vec<Word> = value.iter().map(word).collect();
    let value = evaluated(shell, &scope, &value, is_format).map_err(said)?;
    // An expression without a value leaves the variable as it is.
    if let Some(value) = value {
        shell.view.process.variables.set(var.slot, value);
    }
    Ok(Answer::done())
}

/// What an expression or a format yields where there is no client.
fn evaluated(
    shell: &Shell<'_>,
    scope: &Scope<'_>,
    words: &[Word],
    is_format: bool,
) -> keyword::Result<Option<Value<'static>>> {
    outside_streams(shell.view, shell.at.now_us, shell.at.now_ms, |ctx| match words {
        [format] if is_format => Ok(Some(LogFormat::bind_as(format, scope, Style::Text)?.value(ctx))),
        words => {
            let mut words = Words::new(words, Span::nowhere());
            let expr = Expr::bind(&mut words, scope)?;
            words.finish()?;
            Ok(expr.with_value(ctx, |value| value.into_owned()))
        }
    })
}
