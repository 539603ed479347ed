//! The column at which a list's rows were cut, as by a terminal or by `cut`: several that are not whole end there.

/// Where the rows of a list end: in letters, as a terminal cuts, and in bytes, as `cut` does.
#[derive(Debug, Default)]
pub struct Edge {
    letters: Column,
    bytes: Column,
}

/// The column at which the longest rows so far end.
#[derive(Debug, Default)]
struct Column {
    /// How far it is from the row's number.
    at: usize,
    /// Rows that end there.
    ends: u64,
    /// How many of these are not whole.
    cut: u64,
    /// All rows so far.
    rows: u64,
}

/// Whether a row ends where rows are cut.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Reach {
    /// It ends before, and is as long as its tool printed it.
    Short,
    /// A blank may have been its last letter.
    Near,
    At,
}

impl Edge {
    /// Takes in a row; `is_cut` is whether it lacks something that its tool prints in each.
    pub fn take(&mut self, text: &str, is_cut: bool) -> Reach {
        // The number's column is padded at its left.
        let (number, behind) = text.split_at(text.find(' ').unwrap_or(0));
        let is_number = number.bytes().all(|byte| byte.is_ascii_digit());
        let text = if is_number { behind } else { text };
        self.letters.take(text.chars().count(), is_cut).max(self.bytes.take(text.len(), is_cut))
    }
}

impl Column {
    fn take(&mut self, at: usize, is_cut: bool) -> Reach {
        self.rows += 1;
        if at > self.at {
            // A row that ends one letter before had a blank there.
            let is_next = at == self.at + 1;
            let (ends, cut) = if is_next { (self.ends, self.cut) } else { (0, 0) };
            (self.at, self.ends, self.cut) = (at, ends, cut);
        } else if at + 1 < self.at {
            return Reach::Short;
        }
        self.ends += 1;
        self.cut += u64::from(is_cut);
        let is_edge = self.ends > 1 && self.cut > 0 || self.rows == 1 && is_cut;
        match (is_edge, at == self.at) {
            (false, _) => Reach::Short,
            (true, false) => Reach::Near,
            (true, true) => Reach::At,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_that_are_not_whole_and_end_in_one_column_were_cut_there() {
        let mut edge = Edge::default();
        let rows = [
            ("8 0.1 a TCP 74 1 → 2 [SYN] Seq=0 W", true, Reach::At),
            ("9 0.2 b TCP 74 2 → 1 [SYN, ACK] S", true, Reach::Near),
            ("10 0.3 a TLSv1 583 Client Hello", false, Reach::Short),
            ("11 0.3 a TCP 66 1 → 2 [ACK] Seq=145", true, Reach::At),
        ];
        assert_eq!(rows.map(|(text, is_cut, _)| edge.take(text, is_cut)), rows.map(|(.., reach)| reach));
    }

    #[test]
    fn whole_rows_and_those_that_an_author_shortened_end_anywhere() {
        let mut edge = Edge::default();
        for (text, is_cut) in [
            ("a b TCP 1 > 2 [SYN, ACK] Seq=0 Ack=1 Win=1 Len=0 MSS=1460", false),
            ("a b TLSv1.2 Change Cipher Spec, Encrypted Handshake Mes", false),
            ("a b TCP 1 > 2 [ACK] Seq=1 Ack=39", true),
            ("a b TCP 1 > 2 [SYN, ACK] Seq=0 Ack=1 Win=1 Len=0 MSS=1460", false),
        ] {
            assert_eq!(edge.take(text, is_cut), Reach::Short, "{text}");
        }
    }
}
