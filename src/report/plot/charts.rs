//! Several pictures of curves on one page.

use super::curves::{Curve, CurvesPlot, draw, nothing};
use super::page::{Format, Page};
use crate::error::Result;
use std::path::Path;

/// Curves and how to draw them: one panel of [`charts`].
#[derive(Debug, Clone, PartialEq)]
pub struct Chart {
    /// What is drawn.
    pub curves: Vec<Curve>,
    /// How; [`charts`] sets the size.
    pub plot: CurvesPlot,
}

/// Pixels of a panel of [`charts`], where they fit on the page.
const PANEL: [u32; 2] = [1000, 667];

/// Draws panels of curves, about as many across as down, in one picture.
///
/// # Errors
/// As [`curves`](super::curves()), and for no panel.
pub fn charts(path: &Path, charts: &[Chart]) -> Result<()> {
    Format::of(path)?;
    let across = (1..=charts.len()).find(|n| n * n >= charts.len()).unwrap_or(1);
    let down = charts.len().div_ceil(across).max(1);
    let most = |n: usize, panel: u32| panel.min(6000 / n as u32);
    let [width, height] = [most(across, PANEL[0]), most(down, PANEL[1])];
    let mut page = Page::new(across as u32 * width, Some(down as u32 * height), |_| 0.0)?;
    page.text_size = Page::new(width, Some(height), |_| 0.0)?.text_size;
    if charts.is_empty() {
        return Err(nothing(0, "x"));
    }
    for (i, chart) in charts.iter().enumerate() {
        let corner = [(i % across) as f64 * f64::from(width), (i / across) as f64 * f64::from(height)];
        draw(&mut page, corner, [width, height].map(f64::from), &chart.curves, &chart.plot)?;
    }
    page.save(path)
}
