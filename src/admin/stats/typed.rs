//! The statistics value by value, with types (`show stat typed`, `;typed`) and as JSON (`show stat json`, `;json`).

use std::fmt::Write;
use std::sync::OnceLock;

use super::columns::{COLUMNS, CORE, col};
use super::rows::{Cell, Kind, Row};
use super::tags::Field;

/// One line per value: `S.3.1.17.status.1:SGPV:str:UP`.
pub fn typed(rows: &[Row], desc: bool) -> String {
    let mut out = String::with_capacity(rows.len() * 4096);
    for row in rows {
        let (letter, proxy, id) = object(row);
        for (field, value) in values(row) {
            // Writing to a String cannot fail.
            let _ = write!(out, "{letter}.{proxy}.{id}.{}.{}.1:", field.at, field.name);
            field.typed(&value, desc, &mut out);
        }
    }
    out
}

/// An array of rows, each an array of values.
pub fn json(rows: &[Row]) -> String {
    let mut out = String::with_capacity(rows.len() * 16_384);
    out.push('[');
    for (at, row) in rows.iter().enumerate() {
        out.push_str(if at > 0 { ",[" } else { "[" });
        let (_, proxy, id) = object(row);
        let kind = match row.kind {
            Kind::Frontend => "Frontend",
            Kind::Backend => "Backend",
            Kind::Server => "Server",
            Kind::Listener => "Listener",
        };
        let before = format!("\"objType\":\"{kind}\",\"proxyId\":{proxy},\"id\":{id},");
        for (at, (field, value)) in values(row).enumerate() {
            if at > 0 {
                out.push(',');
            }
            field.json(&before, &value, &mut out);
        }
        out.push(']');
    }
    out.push_str("]\n");
    out
}

fn object(row: &Row) -> (char, i64, i64) {
    let letter = match row.kind {
        Kind::Frontend => 'F',
        Kind::Backend => 'B',
        Kind::Server => 'S',
        Kind::Listener => 'L',
    };
    (letter, row.number(const { col("iid") }), row.number(const { col("sid") }))
}

/// What applies to the row; the column between the core ones and the modules' says nothing.
fn values(row: &Row) -> impl Iterator<Item = (Field, String)> {
    let applies = |at: &usize| *at != CORE && !matches!(row.cells.get(*at), None | Some(Cell::Empty));
    (0..COLUMNS.len()).filter(applies).filter_map(|at| Some((field(row.kind, at)?, row.show(at))))
}

fn field(kind: Kind, at: usize) -> Option<Field> {
    let field = *fields().get(at)?;
    // Of a backend these are sums.
    let sum = kind == Kind::Backend && matches!(field.name, "act" | "bck" | "rate_max");
    Some(if sum { Field { tags: "MGPV", ..field } } else { field })
}

/// The description of a column.
pub fn column_doc(name: &str) -> Option<&'static str> {
    fields().iter().find(|field| field.name == name).map(|field| field.doc)
}

fn fields() -> &'static [Field] {
    static FIELDS: OnceLock<Vec<Field>> = OnceLock::new();
    FIELDS.get_or_init(|| {
        let lines = include_str!("columns.tsv").lines().enumerate();
        lines.filter_map(|(at, line)| Field::parse(at, line)).collect()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_column_has_its_field() {
        let names: Vec<&str> = fields().iter().map(|field| field.name).collect();
        assert_eq!(names, COLUMNS);
        assert!(fields().iter().all(|field| field.tags.len() == 4 && !field.doc.is_empty()));
    }
}
