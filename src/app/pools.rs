//! `-dM`: HAProxy's debugging options of memory pools (management.txt chapter 3). They are checked and have no effect: there are
//! no pools, and memory is never read before it is written or after it is freed.

/// What `-dM` asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Request {
    /// The list of options.
    Help,
    /// Nothing that would have an effect here.
    Nothing,
}

/// Reads what is glued to `-dM`: `[<byte>[,]][help|option,...]`.
pub fn parse(text: &str) -> Result<Request, String> {
    let digits = match text.strip_prefix("0x").or_else(|| text.strip_prefix("0X")) {
        Some(hex) => 2 + hex.bytes().take_while(u8::is_ascii_hexdigit).count(),
        None => text.bytes().take_while(u8::is_ascii_digit).count(),
    };
    let options = text.get(digits..).unwrap_or_default();
    let mut request = Request::Nothing;
    for option in options.split(',').filter(|option| !option.is_empty()) {
        if option == "help" {
            request = Request::Help;
        } else if !OPTIONS.iter().any(|(set, clear, _)| option == *set || option == *clear) {
            return Err(format!("-dM: unknown pool debugging feature <{option}>"));
        }
    }
    Ok(request)
}

/// What `-dMhelp` prints.
pub fn help() -> String {
    let mut out = "\
-dM, a byte such as 0x50 behind it, and these options are accepted for HAProxy's sake. None has an effect: there are no memory
pools to debug.

    set               clear            description
  -----------------+-----------------+-----------------------------------------
"
    .to_owned();
    for (set, clear, what) in OPTIONS {
        out.push_str(&format!("    {set:<15}|  {clear:<15}| {what}\n"));
    }
    out
}

/// (set, clear, what it does in HAProxy).
const OPTIONS: [(&str, &str, &str); 11] = [
    ("fail", "no-fail", "randomly fail allocations"),
    ("no-merge", "merge", "disable merging of similar pools"),
    ("cold-first", "hot-first", "pick cold objects first"),
    ("integrity", "no-integrity", "enable cache integrity checks"),
    ("backup", "no-backup", "keep a copy of released objects"),
    ("no-global", "global", "disable global shared cache"),
    ("no-cache", "cache", "disable thread-local cache"),
    ("caller", "no-caller", "save caller information in cache"),
    ("tag", "no-tag", "add tag at end of allocated objects"),
    ("poison", "no-poison", "poison newly allocated objects"),
    ("uaf", "no-uaf", "enable use-after-free checks (slow)"),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_byte_and_options_are_read() {
        for text in
            ["", "0", "65", "0x41", "0x41,no-merge", "no-merge,cold-first,integrity,caller", ",fail", "0x50no-tag"]
        {
            assert_eq!(parse(text), Ok(Request::Nothing), "{text}");
        }
        assert_eq!(parse("fail,help"), Ok(Request::Help));
        assert_eq!(parse("foo"), Err("-dM: unknown pool debugging feature <foo>".to_owned()));
        assert!(help().contains("    no-merge       |  merge          | disable merging of similar pools\n"));
    }
}
