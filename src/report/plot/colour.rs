//! Colours: the perceptually uniform map of fields and the palette of curves.

/// Red, green, blue in sRGB.
pub type Colour = [u8; 3];

/// Text and axes.
pub const INK: Colour = [38, 38, 38];
/// Secondary text.
pub const GREY: Colour = [110, 110, 110];
/// Grid lines.
pub const LIGHT: Colour = [224, 224, 224];
/// The page.
pub const WHITE: Colour = [255, 255, 255];

/// The colour-blind safe palette of M. Okabe and K. Ito (Color Universal Design, 2008), less its yellow, which is
/// too pale for lines on white.
pub const PALETTE: [Colour; 7] =
    [[0, 114, 178], [213, 94, 0], [0, 158, 115], [204, 121, 167], [230, 159, 0], [86, 180, 233], [0, 0, 0]];

/// Viridis (S. van der Walt and N. Smith, CC0) at `t` in [0, 1], by the polynomial of degree 6 fitted to its table
/// by M. Zucker (CC0); within 3 of the table in every channel.
pub fn viridis(t: f64) -> Colour {
    const COEFFICIENTS: [[f64; 7]; 3] = [
        [
            0.277_727_327_223_417_7,
            0.105_093_043_108_577_4,
            -0.330_861_828_725_556_3,
            -4.634_230_498_983_486,
            6.228_269_936_347_081,
            4.776_384_997_670_288,
            -5.435_455_855_934_631,
        ],
        [
            0.005_407_344_544_966_578,
            1.404_613_529_898_575,
            0.214_847_559_468_213,
            -5.799_100_973_351_585,
            14.179_933_366_805_09,
            -13.745_145_377_746_01,
            4.645_852_612_178_535,
        ],
        [
            0.334_099_805_335_306_1,
            1.384_590_162_594_685,
            0.095_095_163_028_236_59,
            -19.332_440_956_279_87,
            56.690_552_600_681_05,
            -65.353_032_633_372_34,
            26.312_435_249_583_2,
        ],
    ];
    let t = t.clamp(0.0, 1.0);
    COEFFICIENTS.map(|c| {
        let value = c.iter().rev().fold(0.0, |sum, &c| sum * t + c);
        (value.clamp(0.0, 1.0) * 255.0).round() as u8
    })
}

/// Viridis at `n` equidistant values.
pub fn viridis_table(n: usize) -> Vec<Colour> {
    (0..n).map(|i| viridis(i as f64 / (n - 1) as f64)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn viridis_is_near_the_published_table() {
        let table = [
            (0, [68, 1, 84]),
            (32, [71, 45, 123]),
            (64, [59, 82, 139]),
            (96, [44, 114, 142]),
            (128, [33, 145, 140]),
            (160, [40, 174, 128]),
            (192, [94, 201, 98]),
            (224, [173, 220, 48]),
            (255, [253, 231, 37]),
        ];
        for (i, published) in table {
            let ours = viridis(i as f64 / 255.0);
            for c in 0..3 {
                assert!(ours[c].abs_diff(published[c]) <= 4, "{i}: {ours:?} {published:?}");
            }
        }
    }

    #[test]
    fn brighter_means_more() {
        let luminance = |c: Colour| 0.2126 * f64::from(c[0]) + 0.7152 * f64::from(c[1]) + 0.0722 * f64::from(c[2]);
        let table = viridis_table(64);
        assert!(table.windows(2).all(|w| luminance(w[0]) < luminance(w[1])));
    }
}
