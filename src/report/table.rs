//! A small text table: headers, numbers to the right, words to the left; the same cells as CSV.

use std::fmt;

/// Rows of text under headers. `Display` aligns them; [`Table::csv`] writes them for a program.
///
/// ```
/// let mut table = filet::report::table::Table::new(&["problem", "iterations"]);
/// table.row(["square:64", "11"]);
/// assert_eq!(table.to_string(), "problem    iterations\n---------  ----------\nsquare:64          11\n");
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Table {
    headers: Vec<String>,
    rows: Vec<Vec<String>>,
}

impl Table {
    /// An empty table.
    pub fn new(headers: &[&str]) -> Self {
        Table { headers: headers.iter().map(|h| h.to_string()).collect(), rows: Vec::new() }
    }

    /// Adds a row. Cells that are missing are empty.
    ///
    /// # Panics
    /// With more cells than headers.
    pub fn row<S: Into<String>>(&mut self, cells: impl IntoIterator<Item = S>) -> &mut Self {
        let mut row: Vec<String> = cells.into_iter().map(Into::into).collect();
        assert!(row.len() <= self.headers.len(), "{} cells under {} headers", row.len(), self.headers.len());
        row.resize(self.headers.len(), String::new());
        self.rows.push(row);
        self
    }

    /// The table as comma-separated values (RFC 4180), headers first.
    pub fn csv(&self) -> String {
        let mut text = String::new();
        for row in std::iter::once(&self.headers).chain(&self.rows) {
            for (i, cell) in row.iter().enumerate() {
                if i > 0 {
                    text.push(',');
                }
                if cell.contains([',', '"', '\n', '\r']) {
                    text.push_str(&format!("\"{}\"", cell.replace('"', "\"\"")));
                } else {
                    text.push_str(cell);
                }
            }
            text.push('\n');
        }
        text
    }

    /// Whether most cells of a column start like a number, and so stand to the right.
    fn is_numeric(&self, column: usize) -> bool {
        let number = |cell: &str| {
            cell.trim_start_matches(['-', '−', '+', '<', '>', '~']).starts_with(|c: char| c.is_ascii_digit())
        };
        let filled = || self.rows.iter().map(|row| row[column].as_str()).filter(|cell| !cell.is_empty());
        2 * filled().filter(|cell| number(cell)).count() > filled().count()
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let length = |s: &String| s.chars().count();
        let widths: Vec<usize> = (0..self.headers.len())
            .map(|c| self.rows.iter().map(|row| length(&row[c])).chain([length(&self.headers[c])]).max().unwrap_or(0))
            .collect();
        let numeric: Vec<bool> = (0..self.headers.len()).map(|c| self.is_numeric(c)).collect();
        let rule: Vec<String> = widths.iter().map(|&w| "-".repeat(w)).collect();
        for row in [&self.headers, &rule].into_iter().chain(&self.rows) {
            let mut line = String::new();
            for (c, cell) in row.iter().enumerate() {
                let gap = if c > 0 { "  " } else { "" };
                let pad = " ".repeat(widths[c] - length(cell));
                let (before, after) = if numeric[c] { (pad.as_str(), "") } else { ("", pad.as_str()) };
                line += &format!("{gap}{before}{cell}{after}");
            }
            writeln!(f, "{}", line.trim_end())?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample() -> Table {
        let mut table = Table::new(&["problem", "‖r‖", "note"]);
        table.row(["square", "4.2e-9", "a, \"b\""]).row(["cube:64", "-", ""]).row(["ball", "12"]);
        table
    }

    #[test]
    fn numbers_stand_right_and_words_left() {
        let expected = "problem     ‖r‖  note\n-------  ------  ------\nsquare   4.2e-9  a, \"b\"\ncube:64       -\nball         12\n";
        assert_eq!(sample().to_string(), expected);
    }

    #[test]
    fn csv_quotes_what_needs_it() {
        assert_eq!(sample().csv(), "problem,‖r‖,note\nsquare,4.2e-9,\"a, \"\"b\"\"\"\ncube:64,-,\nball,12,\n");
    }

    #[test]
    fn a_table_without_rows_is_its_headers() {
        assert_eq!(Table::new(&["a", "b"]).to_string(), "a  b\n-  -\n");
        assert_eq!(Table::new(&["a", "b"]).csv(), "a,b\n");
    }
}
