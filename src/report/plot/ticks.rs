//! Where an axis has its ticks, and what stands beside them.

/// How data values lie along an axis.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Scale {
    pub lo: f64,
    pub hi: f64,
    pub log: bool,
}

impl Scale {
    /// An even scale over `[lo, hi]`, widened where that is a point.
    pub fn linear(lo: f64, hi: f64) -> Scale {
        let (lo, hi) = if is_flat(lo, hi) { around(lo) } else { (lo, hi) };
        Scale { lo, hi, log: false }
    }

    /// A scale of powers over `[lo, hi]`, both positive, widened where that is a point.
    pub fn logarithmic(lo: f64, hi: f64) -> Scale {
        let (lo, hi) = if hi <= lo * (1.0 + 1e-9) { (lo / 3.0, hi * 3.0) } else { (lo, hi) };
        Scale { lo: lo.max(f64::MIN_POSITIVE), hi: hi.min(f64::MAX), log: true }
    }

    /// The same with a margin of `fraction` of its length at both ends.
    pub fn widened(self, fraction: f64) -> Scale {
        if self.log {
            let factor = (self.hi.log10() - self.lo.log10()) * fraction;
            Scale::logarithmic(self.lo * 10f64.powf(-factor), self.hi * 10f64.powf(factor))
        } else {
            let margin = (self.hi - self.lo) * fraction;
            Scale { lo: self.lo - margin, hi: self.hi + margin, log: false }
        }
    }

    /// The place of a value: 0 at `lo`, 1 at `hi`.
    pub fn unit(self, v: f64) -> f64 {
        if self.log {
            let [v, lo, hi] = [v, self.lo, self.hi].map(f64::log10);
            (v - lo) / (hi - lo)
        } else {
            (v - self.lo) / (self.hi - self.lo)
        }
    }

    /// At most about `most` ticks.
    pub fn ticks(self, most: usize) -> Ticks {
        if self.log { log_ticks(self, most.max(2)) } else { linear_ticks(self.lo, self.hi, most.max(1)) }
    }
}

/// Whether `[lo, hi]` is a point up to round-off.
pub fn is_flat(lo: f64, hi: f64) -> bool {
    hi - lo <= 1e-12 * lo.abs().max(hi.abs()) || hi - lo < 1e-290
}

fn around(v: f64) -> (f64, f64) {
    let margin = if v.abs() < 1e-280 { 1.0 } else { 0.1 * v.abs() };
    (v - margin, v + margin)
}

/// Ticks with their labels.
#[derive(Debug, Clone, PartialEq)]
pub struct Ticks {
    pub at: Vec<f64>,
    pub labels: Vec<String>,
    /// Ticks without labels.
    pub minor: Vec<f64>,
    /// What all labels share, to stand at the axis' end: `"×10⁻⁵"`, `"+1.25"`, or nothing.
    pub note: String,
}

fn linear_ticks(lo: f64, hi: f64, most: usize) -> Ticks {
    let step = nice_step((hi - lo) / most as f64);
    let first = (lo / step - 1e-6).ceil();
    let count = (hi / step + 1e-6).floor() - first;
    let at: Vec<f64> = (0..=count.clamp(0.0, 100.0) as usize).map(|i| (first + i as f64) * step).collect();
    let largest = lo.abs().max(hi.abs());
    // Labels that would differ only after the fifth digit are written relative to a round number below them.
    let round = 10f64.powf((hi - lo).log10().ceil());
    let offset = if step < 1e-5 * largest { (at[0] / round + 1e-6).floor() * round } else { 0.0 };
    let largest = at.iter().map(|v| (v - offset).abs()).fold(0.0, f64::max);
    let power = if largest > 0.0 { (largest.log10() + 1e-9).floor() as i32 } else { 0 };
    let exponent = if (-3..5).contains(&power) { 0 } else { power };
    let unit = 10f64.powi(exponent);
    let decimals = |step: f64| (-(step.log10() + 1e-9).floor()).clamp(0.0, 17.0) as usize;
    let labels = at.iter().map(|v| number((v - offset) / unit, decimals(step / unit))).collect();
    let mut note = if exponent == 0 { String::new() } else { format!("×{}", power_of_ten(exponent)) };
    if offset != 0.0 {
        let text = number(offset.abs(), decimals(step));
        let text = if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.') } else { &text };
        note += &format!(" {} {text}", if offset > 0.0 { '+' } else { '−' });
    }
    Ticks { at, labels, minor: Vec::new(), note }
}

fn log_ticks(scale: Scale, most: usize) -> Ticks {
    let [lo, hi] = [scale.lo.log10(), scale.hi.log10()];
    let powers = ((lo - 1e-6).ceil() as i32)..=((hi + 1e-6).floor() as i32);
    let inside = |v: &f64| (scale.lo * (1.0 - 1e-6)..=scale.hi * (1.0 + 1e-6)).contains(v);
    let multiples = |within: &[i32]| -> Vec<f64> {
        let decades = (lo.floor() as i32)..=(hi.ceil() as i32);
        decades.flat_map(|k| within.iter().map(move |&m| f64::from(m) * 10f64.powi(k))).filter(inside).collect()
    };
    let count = powers.clone().count();
    if count >= 3 {
        let stride = [1, 2, 3, 5, 10, 20, 50, 100, 200].into_iter().find(|s| count.div_ceil(*s) <= most).unwrap_or(500);
        let kept: Vec<i32> = powers.clone().filter(|k| k.rem_euclid(stride as i32) == 0).collect();
        let minor = match stride {
            1 if count < 12 => multiples(&[2, 3, 4, 5, 6, 7, 8, 9]),
            _ => powers.filter(|k| !kept.contains(k)).map(|k| 10f64.powi(k)).collect(),
        };
        let labels = kept.iter().map(|&k| power_of_ten(k)).collect();
        return Ticks { at: kept.iter().map(|&k| 10f64.powi(k)).collect(), labels, minor, note: String::new() };
    }
    let at = multiples(&[1, 2, 5]);
    if at.len() < 3 {
        return linear_ticks(scale.lo, scale.hi, most);
    }
    let labels = at.iter().map(|&v| short(v)).collect();
    Ticks { at, labels, minor: multiples(&[3, 4, 6, 7, 8, 9]), note: String::new() }
}

/// 1, 2 or 5 times a power of ten, the smallest not below `raw`.
fn nice_step(raw: f64) -> f64 {
    let power = 10f64.powf(raw.log10().floor());
    [1.0, 2.0, 5.0].into_iter().map(|m| m * power).find(|s| *s >= raw * (1.0 - 1e-9)).unwrap_or(10.0 * power)
}

/// A number with `decimals` digits after the point and a true minus sign.
fn number(v: f64, decimals: usize) -> String {
    let text = format!("{v:.decimals$}");
    let is_zero = text.chars().all(|c| matches!(c, '-' | '0' | '.'));
    if is_zero { text.trim_start_matches('-').to_string() } else { text.replace('-', "−") }
}

/// A value as short as four digits allow: `"0.0737"`, `"12.5"`, `"1.2×10⁻⁸"`.
pub fn short(v: f64) -> String {
    if v == 0.0 || !v.is_finite() {
        return number(v, 0);
    }
    let power = v.abs().log10().floor() as i32;
    if (-4..6).contains(&power) {
        let text = number(v, (3 - power).max(0) as usize);
        return if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.').to_string() } else { text };
    }
    let text = format!("{v:.3e}");
    let (mantissa, exponent) = text.split_once('e').unwrap_or((&text, "0"));
    let mantissa = mantissa.trim_end_matches('0').trim_end_matches('.').replace('-', "−");
    format!("{mantissa}×{}", power_of_ten(exponent.parse().unwrap_or(0)))
}

/// `"10⁻⁸"`.
pub fn power_of_ten(exponent: i32) -> String {
    let raised = |c| match c {
        '-' => '⁻',
        '1' => '¹',
        '2' => '²',
        '3' => '³',
        c => char::from_u32('⁰' as u32 + (c as u32 - '0' as u32)).unwrap_or(c),
    };
    format!("10{}", exponent.to_string().chars().map(raised).collect::<String>())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn even_ticks_are_round_and_inside() {
        let t = Scale::linear(0.0, 1.0).ticks(6);
        assert_eq!(t.labels, ["0.0", "0.2", "0.4", "0.6", "0.8", "1.0"]);
        let t = Scale::linear(-0.31, 0.74).ticks(5);
        assert_eq!(t.labels, ["0.0", "0.5"]);
        let t = Scale::linear(-0.31, 0.74).ticks(6);
        assert_eq!(t.labels, ["−0.2", "0.0", "0.2", "0.4", "0.6"]);
    }

    #[test]
    fn small_and_large_values_share_a_power() {
        let t = Scale::linear(0.0, 7.4e-7).ticks(4);
        assert_eq!((t.labels[1].as_str(), t.note.as_str()), ("2", "×10⁻⁷"));
        let t = Scale::linear(0.0, 3e6).ticks(3);
        assert_eq!((t.labels[3].as_str(), t.note.as_str()), ("3", "×10⁶"));
    }

    #[test]
    fn a_large_offset_is_written_once() {
        let t = Scale::linear(1.0, 1.000_001).ticks(5);
        assert_eq!((t.labels[1].as_str(), t.note.as_str()), ("0.2", "×10⁻⁶ + 1"));
        let t = Scale::linear(1e6 - 1e-9, 1e6 + 6e-5).ticks(7);
        assert_eq!((t.labels[1].as_str(), t.note.as_str()), ("1", "×10⁻⁵ + 1000000"));
    }

    #[test]
    fn log_ticks_are_powers_of_ten() {
        let t = Scale::logarithmic(1e-9, 1.0).ticks(5);
        assert_eq!(t.labels, ["10⁻⁸", "10⁻⁶", "10⁻⁴", "10⁻²", "10⁰"]);
        let t = Scale::logarithmic(1e-300, 1e300).ticks(8);
        assert!((3..=8).contains(&t.at.len()), "{t:?}");
    }

    #[test]
    fn short_log_axes_have_multiples() {
        let t = Scale::logarithmic(0.02, 0.3).ticks(6);
        assert_eq!(t.labels, ["0.02", "0.05", "0.1", "0.2"]);
        let t = Scale::logarithmic(0.21, 0.23).ticks(4);
        assert!(t.at.len() >= 2, "{t:?}");
    }

    #[test]
    fn points_are_widened() {
        for v in [0.0, 1.0, -3.0, 1e-300, 1e300, f64::MIN_POSITIVE] {
            let t = Scale::linear(v, v).ticks(5);
            assert!(!t.at.is_empty() && t.at.iter().all(|x| x.is_finite()), "{v}: {t:?}");
        }
        assert!(!Scale::logarithmic(1e-3, 1e-3).ticks(5).at.is_empty());
    }

    #[test]
    fn short_numbers() {
        let cases = [
            (0.0, "0"),
            (-0.5, "−0.5"),
            (0.073_671, "0.07367"),
            (12.0, "12"),
            (1.25e-8, "1.25×10⁻⁸"),
            (-1e9, "−1×10⁹"),
        ];
        for (v, text) in cases {
            assert_eq!(short(v), text);
        }
    }
}
