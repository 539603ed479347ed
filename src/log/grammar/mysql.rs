//! MySQL's error and query logs up to version 5.5: `130324  0:04:00 [Warning] text`.

use super::{Entry, generic};
use crate::log::stamp;

/// Reads one line.
pub(super) fn read(line: &str) -> Option<Entry<'_>> {
    let is_split =
        line.starts_with(|first: char| first.is_ascii_digit()) && line.as_bytes().get(6) == Some(&b' ');
    is_split.then_some(())?;
    let (stamp, rest) = stamp::digits_of_date(line)?;
    // Six digits may be anything; what MySQL writes after the time is not.
    let is_mysql = rest.starts_with('\t')
        || [" [", " mysqld", " InnoDB: ", "  InnoDB: "].iter().any(|start| rest.starts_with(start));
    is_mysql.then(|| generic::entry(stamp, rest))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::log::grammar::Level;

    #[test]
    fn six_digits_are_a_date_where_mysql_wrote_them() {
        for (line, level) in [
            ("130324  0:04:00 [Warning] x", Level::Warning),
            ("130324 17:56:13 [ERROR] x", Level::Error),
            ("080721 03:03:57 mysqld started", Level::Unknown),
            ("110923 11:04:58\t   36 Query\tshow tables", Level::Unknown),
            ("130324 17:56:13  InnoDB: x", Level::Unknown),
        ] {
            let entry = read(line).unwrap_or_else(|| panic!("{line}"));
            assert_eq!(entry.level, level, "{line}");
        }
        for line in ["130324 17:56:13 packets", "139924 17:56:13 [x]", "130324", "1303245 17:56:13 [x]"] {
            assert!(read(line).is_none(), "{line}");
        }
    }
}
