//! The statistics as CSV: `show stat` and the page's `;csv`.

use super::columns::COLUMNS;
use super::rows::Row;

/// Appends the header line and one line per row, every line ended by a comma and LF as HAProxy's are.
pub fn write(rows: &[Row], out: &mut Vec<u8>) {
    out.extend_from_slice(b"# ");
    for column in COLUMNS {
        out.extend_from_slice(column.as_bytes());
        out.push(b',');
    }
    out.push(b'\n');
    for row in rows {
        for at in 0..COLUMNS.len() {
            field(&row.show(at), out);
            out.push(b',');
        }
        out.push(b'\n');
    }
}

/// Quoted only where it must be (RFC 4180).
fn field(text: &str, out: &mut Vec<u8>) {
    if !text.contains([',', '"', '\n', '\r']) {
        return out.extend_from_slice(text.as_bytes());
    }
    out.push(b'"');
    out.extend_from_slice(text.replace('"', "\"\"").as_bytes());
    out.push(b'"');
}

#[cfg(test)]
mod tests {
    use super::field;

    #[test]
    fn only_what_must_be_is_quoted() {
        let show = |text: &str| {
            let mut out = Vec::new();
            field(text, &mut out);
            String::from_utf8(out).unwrap_or_default()
        };
        assert_eq!(show("plain text"), "plain text");
        assert_eq!(show("a,\"b\""), "\"a,\"\"b\"\"\"");
    }
}
