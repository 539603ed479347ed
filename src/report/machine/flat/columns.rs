//! The columns of the row, for those who make a table of it.

use super::Row;

/// A column.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Column {
    /// Its name.
    pub name: String,
    /// Its type in SQL, by a name that DuckDB and Spark both have: `BIGINT`, `BOOLEAN` or `STRING`.
    pub sql: &'static str,
    /// What it holds, in Markdown.
    pub about: String,
}

/// All columns in their order, as the code declares them.
pub fn columns() -> Vec<Column> {
    let schema = schemars::schema_for!(Row<'_>);
    let column = |name: String| {
        let property = &schema.as_value()["properties"][&name];
        let types = property["type"].to_string();
        let sql = if types.contains("integer") {
            "BIGINT"
        } else if types.contains("boolean") {
            "BOOLEAN"
        } else {
            "STRING"
        };
        let about = property["description"].as_str().unwrap_or_default();
        Column { name, sql, about: about.split_whitespace().collect::<Vec<_>>().join(" ") }
    };
    names().into_iter().map(column).collect()
}

/// The columns' names in their order, as serde lists the fields.
pub(super) fn names() -> Vec<String> {
    let mut header = csv::Writer::from_writer(Vec::new());
    // Writing to memory can't fail.
    let _ = header.serialize(Row::default());
    let text = header.into_inner().unwrap_or_default();
    let header = csv::Reader::from_reader(text.as_slice()).headers().cloned().unwrap_or_default();
    header.iter().map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn columns_are_typed_and_described_and_none_is_a_word_of_sql() {
        let columns = columns();
        let sql = |name: &str| columns.iter().find(|column| column.name == name).unwrap().sql;
        assert_eq!(
            ["id", "tls_resumed", "severity", "client_ip"].map(sql),
            ["BIGINT", "BOOLEAN", "STRING", "STRING"]
        );
        assert!(columns.iter().all(|column| !column.about.is_empty()));
        let names: BTreeSet<_> = columns.iter().map(|column| column.name.as_str()).collect();
        assert_eq!(names.len(), columns.len());
        assert!(names.is_disjoint(&BTreeSet::from(["end", "start", "order", "group", "user", "table"])));
    }
}
