//! How messages write counts, and which name was meant.

/// A count in groups of three: `"12 288"`.
pub fn count(n: u64) -> String {
    let plain = n.to_string();
    let mut text = String::with_capacity(plain.len() + plain.len() / 3);
    for (i, digit) in plain.chars().enumerate() {
        if i > 0 && (plain.len() - i).is_multiple_of(3) {
            text.push(' ');
        }
        text.push(digit);
    }
    text
}

/// A count of things: `"1 thread"`, `"12 288 threads"`.
pub fn counted(n: u64, thing: &str) -> String {
    format!("{} {thing}{}", count(n), if n == 1 { "" } else { "s" })
}

/// The known name that is so near to `name` that it may be what was meant.
pub fn nearest<'a>(name: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let all = known.into_iter().map(|k| (strsim::levenshtein(name, k), k));
    let near = all.filter(|(edits, k)| *edits <= 1 + k.len() / 5 && *edits < k.len());
    near.min_by_key(|(edits, _)| *edits).map(|(_, k)| k)
}

/// The end of a message on an unknown name: `"; did you mean left?"`, or nothing where no known one is near.
pub fn meant<'a>(name: &str, known: impl IntoIterator<Item = &'a str>) -> String {
    nearest(name, known).map_or(String::new(), |near| format!("; did you mean {near}?"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_are_grouped_by_three() {
        for (n, text) in [(0, "0"), (999, "999"), (1000, "1 000"), (12_288, "12 288"), (1_234_567, "1 234 567")] {
            assert_eq!(count(n), text);
        }
        let steps = [0, 1, 2000].map(|n| counted(n, "step"));
        assert_eq!(steps, ["0 steps", "1 step", "2 000 steps"]);
    }

    #[test]
    fn slips_are_told_from_other_names() {
        let known = ["left", "right", "hole_left", "bottom"];
        for (slip, meant) in [("lefft", "left"), ("rigth", "right"), ("hole_lft", "hole_left"), ("botom", "bottom")] {
            assert_eq!(nearest(slip, known), Some(meant));
        }
        assert_eq!([nearest("inlet", known), nearest("x", ["y"])], [None; 2]);
    }
}
