//! What an agent answers (manual 5.2 `agent-check`): words in one line, in any order.

/// What an agent wants of its server. What it does not mention stays as it is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// `up`, `down`, `fail`, `stopped`.
    pub health: Option<Said>,
    /// `ready`, `drain`, `maint`.
    pub admin: Option<Wish>,
    /// `50%`, `weight:50%`, `weight:10`.
    pub weight: Option<Weight>,
    /// `maxconn:30`
    pub maxconn: Option<u32>,
    /// The text behind `#`.
    pub remark: String,
    /// The first thing that was not understood.
    pub wrong: Option<String>,
}

/// The word about health, as it was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Said {
    /// It is `up`.
    pub up: bool,
    /// The word.
    pub word: String,
}

/// The administrative state that is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wish {
    /// `ready`
    Ready,
    /// `drain`
    Drain,
    /// `maint`
    Maint,
}

/// A weight.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Weight {
    /// In percent of the configured one.
    Percent(u32),
    /// As it is.
    Absolute(u32),
}

/// The first line of what has arrived, without its end; nothing while it goes on.
pub fn line(heard: &[u8]) -> Option<&[u8]> {
    let end = heard.iter().position(|byte| matches!(byte, b'\r' | b'\n'))?;
    heard.get(..end)
}

/// Reads a line, as far as it is understood.
pub fn parse(line: &[u8]) -> Report {
    let text = String::from_utf8_lossy(line);
    let mut report = Report::default();
    let mut rest = text.trim_start_matches(GAPS);
    while !rest.is_empty() {
        if let Some(remark) = rest.strip_prefix('#') {
            report.remark = remark.trim_start_matches(GAPS).to_owned();
            break;
        }
        let (word, behind) = rest.split_once(GAPS).unwrap_or((rest, ""));
        if let Err(why) = report.take(word) {
            report.wrong.get_or_insert(why);
        }
        rest = behind.trim_start_matches(GAPS);
    }
    report
}

impl Report {
    fn take(&mut self, word: &str) -> Result<(), String> {
        let is = |name: &str| word.eq_ignore_ascii_case(name);
        let wish = [("ready", Wish::Ready), ("drain", Wish::Drain), ("maint", Wish::Maint)];
        if let Some((_, wish)) = wish.into_iter().find(|(name, _)| is(name)) {
            self.admin = Some(wish);
        } else if ["up", "down", "fail", "stopped"].into_iter().any(is) {
            self.health = Some(Said { up: is("up"), word: word.to_owned() });
        } else if let Some(limit) = after(word, "maxconn:") {
            self.maxconn = Some(maxconn(limit)?);
        } else {
            let (weight, absolute) = after(word, "weight:").map_or((word, false), |weight| (weight, true));
            self.weight = Some(self::weight(weight, absolute).ok_or_else(|| word.to_owned())?);
        }
        Ok(())
    }
}

fn after<'a>(word: &'a str, prefix: &str) -> Option<&'a str> {
    let head = word.get(..prefix.len())?;
    head.eq_ignore_ascii_case(prefix).then(|| word.get(prefix.len()..)).flatten()
}

fn weight(text: &str, absolute: bool) -> Option<Weight> {
    let number = |digits: &str| digits.bytes().all(|byte| byte.is_ascii_digit()).then(|| digits.parse().ok()).flatten();
    match text.strip_suffix('%') {
        Some(percent) => number(percent).map(Weight::Percent),
        None if absolute => number(text).filter(|weight| *weight <= HEAVIEST).map(Weight::Absolute),
        None => None,
    }
}

/// In the words of `set maxconn server`.
fn maxconn(text: &str) -> Result<u32, String> {
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    if digits == 0 {
        return Err("maxconn string empty or preceded by garbage".to_owned());
    }
    text.parse().map_err(|_| "Trailing garbage in maxconn string".to_owned())
}

const GAPS: [char; 3] = [' ', '\t', ','];
const HEAVIEST: u32 = 256;

#[cfg(test)]
mod tests {
    use super::*;

    fn said(up: bool, word: &str) -> Option<Said> {
        Some(Said { up, word: word.to_owned() })
    }

    #[test]
    fn words_come_in_any_order() {
        let report = parse(b"down,0%\tmaxconn:5 drain # for a while");
        let expected = Report {
            health: said(false, "down"),
            admin: Some(Wish::Drain),
            weight: Some(Weight::Percent(0)),
            maxconn: Some(5),
            remark: "for a while".to_owned(),
            wrong: None,
        };
        assert_eq!(report, expected);
        assert_eq!(parse(b"UP").health, said(true, "UP"));
        assert_eq!(parse(b"weight:20%").weight, Some(Weight::Percent(20)));
        assert_eq!(parse(b"Weight:20").weight, Some(Weight::Absolute(20)));
    }

    /// Seen on HAProxy 2.8.
    #[test]
    fn what_is_not_understood_is_told() {
        for (line, wrong) in [
            ("nonsense", "nonsense"),
            ("down#some reason", "down#some"),
            ("weight:300", "weight:300"),
            ("-1%", "-1%"),
            ("up maxconn:x", "maxconn string empty or preceded by garbage"),
            ("maxconn:5x", "Trailing garbage in maxconn string"),
            ("99999999999%", "99999999999%"),
            ("%", "%"),
        ] {
            let report = parse(line.as_bytes());
            assert_eq!((report.wrong.as_deref(), report.weight, report.maxconn), (Some(wrong), None, None), "{line}");
        }
        assert_eq!(parse(b"up garbage").health, said(true, "up"));
        assert_eq!(parse(b""), Report::default());
        assert_eq!(parse(b"\xff\xfe \xc3").wrong.as_deref(), Some("\u{fffd}\u{fffd}"));
    }

    #[test]
    fn a_line_ends_with_either_character() {
        assert_eq!(line(b"up\r\n"), Some(b"up".as_slice()));
        assert_eq!(line(b"up\nx"), Some(b"up".as_slice()));
        assert_eq!(line(b"up"), None);
    }
}
