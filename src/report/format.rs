//! Numbers written for people: seconds, bytes, counts, three significant digits.

pub use crate::words::{count, counted};

/// A duration in seconds: `"4.10 ms"`, `"0.820 s"`, `"12.3 s"`, `"2 min 3 s"`, `"1 h 5 min"`.
pub fn seconds(s: f64) -> String {
    if !s.is_finite() || s < 0.0 {
        return format!("{s} s");
    }
    match s {
        0.0 => "0 s".into(),
        s if s < 0.9995e-3 => format!("{} µs", digits(s * 1e6, 3)),
        s if s < 0.0999_5 => format!("{} ms", digits(s * 1e3, 3)),
        s if s < 99.95 => format!("{} s", digits(s, 3)),
        s if s < 3599.5 => {
            let whole = s.round() as u64;
            format!("{} min {} s", whole / 60, whole % 60)
        }
        s => {
            let minutes = (s / 60.0).round() as u64;
            format!("{} h {} min", count(minutes / 60), minutes % 60)
        }
    }
}

/// A size in bytes, in powers of 1000: `"512 B"`, `"1.90 MB"`.
pub fn bytes(n: u64) -> String {
    const UNITS: [&str; 5] = ["kB", "MB", "GB", "TB", "PB"];
    if n < 1000 {
        return format!("{n} B");
    }
    let mut value = n as f64 / 1e3;
    let mut unit = 0;
    while value >= 999.5 && unit + 1 < UNITS.len() {
        value /= 1e3;
        unit += 1;
    }
    format!("{} {}", digits(value, 3), UNITS[unit])
}

/// Three significant digits: `"0.0737"`, `"12.3"`, `"1.00e-8"`.
pub fn significant(x: f64) -> String {
    if x == 0.0 {
        return "0".into();
    }
    if !x.is_finite() {
        return x.to_string();
    }
    if (0.9995e-3..99_950.0).contains(&x.abs()) { digits(x, 3) } else { format!("{x:.2e}") }
}

/// `x` in fixed notation with `n` significant digits; whole numbers keep all of theirs.
fn digits(x: f64, n: i32) -> String {
    let decimals = |x: f64| (n - 1 - x.abs().log10().floor() as i32).max(0) as usize;
    if x == 0.0 {
        return "0".into();
    }
    // Rounding may carry into one more digit: 9.996 -> 10.0
    let rounded: f64 = format!("{x:.*}", decimals(x)).parse().unwrap_or(x);
    format!("{x:.*}", decimals(rounded))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seconds_take_the_unit_that_reads_best() {
        let cases = [
            (0.0, "0 s"),
            (12.34e-6, "12.3 µs"),
            (0.9996e-3, "1.00 ms"),
            (4.1e-3, "4.10 ms"),
            (0.82, "0.820 s"),
            (9.996, "10.0 s"),
            (99.96, "1 min 40 s"),
            (123.4, "2 min 3 s"),
            (3900.0, "1 h 5 min"),
        ];
        for (s, text) in cases {
            assert_eq!(seconds(s), text, "{s}");
        }
        assert_eq!(seconds(f64::NAN), "NaN s");
    }

    #[test]
    fn bytes_carry_into_the_next_unit() {
        let cases = [(0, "0 B"), (999, "999 B"), (1000, "1.00 kB"), (999_600, "1.00 MB"), (1_900_000, "1.90 MB")];
        for (n, text) in cases {
            assert_eq!(bytes(n), text, "{n}");
        }
        assert_eq!(bytes(u64::MAX), "18447 PB");
    }

    #[test]
    fn three_digits_or_an_exponent() {
        let cases = [
            (0.0, "0"),
            (0.073_67, "0.0737"),
            (-12.345, "-12.3"),
            (12_345.6, "12346"),
            (1e-8, "1.00e-8"),
            (2.5e7, "2.50e7"),
            (0.000_999_7, "0.00100"),
        ];
        for (x, text) in cases {
            assert_eq!(significant(x), text);
        }
    }
}
