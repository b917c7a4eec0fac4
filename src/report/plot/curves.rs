//! Pictures of curves: residual histories, errors against mesh width.

use super::axes::{Axis, Frame, bottom_margin, left_margin};
use super::colour::{GREY, PALETTE, WHITE};
use super::lines::draw_curve;
use super::page::{Format, Page, Shape, Stroke, Text};
use super::text::{self, Anchor};
use super::ticks::Scale;
use crate::error::{Error, Result};
use std::path::Path;

/// A named curve.
#[derive(Debug, Clone, PartialEq)]
pub struct Curve {
    /// What the legend calls it.
    pub name: String,
    /// Where its points are.
    pub x: Vec<f64>,
    /// As many values.
    pub y: Vec<f64>,
    /// Number of its colour and dashes (default its place among the curves): the same for what is the same in several pictures.
    pub style: Option<usize>,
}

impl Curve {
    /// Values against numbers.
    pub fn new(name: impl Into<String>, x: Vec<f64>, y: Vec<f64>) -> Self {
        Curve { name: name.into(), x, y, style: None }
    }

    /// Values against 0, 1, 2, ...: a residual history.
    pub fn history(name: impl Into<String>, y: Vec<f64>) -> Self {
        Curve::new(name, (0..y.len()).map(|i| i as f64).collect(), y)
    }
}

/// How to draw curves.
#[derive(Debug, Clone, PartialEq)]
pub struct CurvesPlot {
    /// A line above the picture (default none).
    pub title: String,
    /// Under the horizontal axis (default `"iteration"`).
    pub x_label: String,
    /// Beside the vertical axis (default `"‖r‖ / ‖b‖"`).
    pub y_label: String,
    /// Pixels, 120 to 6000 (default 1000).
    pub width: u32,
    /// Pixels, 120 to 6000 (default two thirds of the width).
    pub height: Option<u32>,
    /// Powers of ten at equal distances across (default off).
    pub log_x: bool,
    /// Powers of ten at equal distances upwards (default on).
    pub log_y: bool,
    /// Exponents p of reference lines y = c xᵖ under the curve that they suit best; only where both axes are
    /// logarithmic (default none).
    pub slopes: Vec<f64>,
}

impl Default for CurvesPlot {
    fn default() -> Self {
        CurvesPlot {
            title: String::new(),
            x_label: "iteration".into(),
            y_label: "‖r‖ / ‖b‖".into(),
            width: 1000,
            height: None,
            log_x: false,
            log_y: true,
            slopes: Vec::new(),
        }
    }
}

/// Curves of up to this many points have discs at them.
const MARKERS: usize = 24;
const DASHES: [&[f64]; 3] = [&[], &[7.0, 4.0], &[2.0, 3.0]];

/// Draws curves and writes them to `path`: PNG, or SVG where the name ends in `.svg`.
///
/// Points that are not finite leave gaps. On a logarithmic axis values of zero and below stand at the smallest positive
/// one of all curves.
///
/// # Errors
/// For curves with no finite point at all or x and y of different lengths, an ending other than `.png` and `.svg`, a
/// path that cannot be written. Nothing is written then.
pub fn curves(path: &Path, curves: &[Curve], plot: &CurvesPlot) -> Result<()> {
    Format::of(path)?;
    let mut page = Page::new(plot.width, plot.height, |_| f64::from(plot.width) / 1.5)?;
    let size = [page.width, page.height].map(f64::from);
    draw(&mut page, [0.0, 0.0], size, curves, plot)?;
    page.save(path)
}

/// Draws curves in a part of the page.
pub(super) fn draw(
    page: &mut Page,
    [x0, y0]: [f64; 2],
    [width, height]: [f64; 2],
    curves: &[Curve],
    plot: &CurvesPlot,
) -> Result<()> {
    if let Some(c) = curves.iter().find(|c| c.x.len() != c.y.len()) {
        let what = format!("curve \"{}\" has {} places and {} values", c.name, c.x.len(), c.y.len());
        return Err(Error::Problem { what, help: "give one value for each place".into() });
    }
    let x = scale(curves, plot.log_x, "x", |c| &c.x)?;
    let y = scale(curves, plot.log_y, "y", |c| &c.y)?.widened(0.04);
    let x = x.widened(if plot.log_x { 0.06 } else { 0.02 });
    let em = page.text_size;
    let top = if plot.title.is_empty() { 1.6 * em } else { 3.2 * em };
    let x = Axis { scale: x, label: plot.x_label.clone() };
    let y = Axis { scale: y, label: plot.y_label.clone() };
    let height = height - top - bottom_margin(em);
    let left = left_margin(&y, height, em) + 0.6 * em;
    let frame = Frame { corner: [x0 + left, y0 + top], size: [width - left - 1.6 * em, height], x, y };
    let middle = left + 0.5 * frame.size[0];
    let title = text::fit(&plot.title, 1.2 * em, 2.0 * (width - middle) - em);
    page.text(Text::new([x0 + middle, y0 + 1.9 * em], title, 1.2 * em, Anchor::Middle));
    frame.draw_grid(page);
    if plot.log_x && plot.log_y {
        plot.slopes.iter().for_each(|&p| draw_slope(page, &frame, curves, p));
    }
    let mut seen = Vec::new();
    for (i, curve) in curves.iter().enumerate() {
        for run in runs(curve, &frame) {
            seen.extend(run.iter().copied());
            draw_curve(page, run, stroke_of(curve.style.unwrap_or(i), em), curve.y.len() <= MARKERS);
        }
    }
    frame.draw(page);
    draw_legend(page, &frame, curves, &seen);
    Ok(())
}

fn stroke_of(i: usize, em: f64) -> Stroke {
    let dash = DASHES[i / PALETTE.len() % DASHES.len()];
    Stroke { dash, ..Stroke::new(PALETTE[i % PALETTE.len()], 0.125 * em) }
}

/// The scale that shows all finite numbers of all curves.
fn scale(curves: &[Curve], log: bool, name: &str, of: impl Fn(&Curve) -> &Vec<f64>) -> Result<Scale> {
    let shown = || curves.iter().flat_map(|c| of(c).iter().copied()).filter(|v| v.is_finite());
    let (lo, hi) = shown()
        .filter(|&v| !log || v > 0.0)
        .fold((f64::INFINITY, f64::NEG_INFINITY), |(lo, hi), v| (lo.min(v), hi.max(v)));
    match (lo <= hi, log) {
        (true, true) => Ok(Scale::logarithmic(lo, hi)),
        (true, false) if (hi - lo).is_finite() => Ok(Scale::linear(lo, hi)),
        (false, true) if shown().next().is_some() => Ok(Scale::logarithmic(0.1, 1.0)),
        _ => Err(nothing(curves.len(), name)),
    }
}

pub(super) fn nothing(curves: usize, name: &str) -> Error {
    Error::Problem {
        what: format!("{curves} curves with no finite {name} to draw"),
        help: "a picture needs at least one finite point".into(),
    }
}

/// A curve's pixels, cut at points that are not finite.
fn runs(curve: &Curve, frame: &Frame) -> Vec<Vec<[f64; 2]>> {
    let on = |v: f64, s: Scale| if s.log { v.max(s.lo) } else { v };
    let points: Vec<Option<[f64; 2]>> = curve
        .x
        .iter()
        .zip(&curve.y)
        .map(|(&x, &y)| {
            (x.is_finite() && y.is_finite()).then(|| frame.place([on(x, frame.x.scale), on(y, frame.y.scale)]))
        })
        .collect();
    points
        .split(Option::is_none)
        .filter(|run| !run.is_empty())
        .map(|run| run.iter().flatten().copied().collect())
        .collect()
}

/// The points of a curve that a logarithmic picture can show as they are.
fn positive(curve: &Curve) -> Vec<[f64; 2]> {
    let points = curve.x.iter().zip(&curve.y).map(|(&x, &y)| [x, y]);
    points.filter(|p| p.iter().all(|v| v.is_finite() && *v > 0.0)).collect()
}

/// Draws y = c xᵖ below the curve whose own slope is nearest to p.
fn draw_slope(page: &mut Page, frame: &Frame, curves: &[Curve], p: f64) {
    let ends = |c: &Curve| -> Option<[[f64; 2]; 2]> {
        let points = positive(c);
        let first = *points.iter().min_by(|a, b| a[0].total_cmp(&b[0]))?;
        let last = *points.iter().max_by(|a, b| a[0].total_cmp(&b[0]))?;
        (first[0] < last[0]).then_some([first, last])
    };
    let slope = |[a, b]: [[f64; 2]; 2]| (b[1] / a[1]).log10() / (b[0] / a[0]).log10();
    let nearest = curves.iter().filter_map(ends).min_by(|a, b| (slope(*a) - p).abs().total_cmp(&(slope(*b) - p).abs()));
    let Some([a, b]) = nearest else { return };
    let em = page.text_size;
    // Below the curve by about two lines of text, through the lower of the two offsets.
    let drop = 10f64.powf(-2.2 * em / frame.size[1] * (frame.y.scale.hi / frame.y.scale.lo).log10());
    let c = drop * (a[1] / a[0].powf(p)).min(b[1] / b[0].powf(p));
    let (lo, hi) = (frame.y.scale.lo, frame.y.scale.hi);
    let inside = |x: f64| {
        if p == 0.0 {
            x
        } else {
            x.clamp(
                (lo / c).powf(1.0 / p).min((hi / c).powf(1.0 / p)),
                (hi / c).powf(1.0 / p).max((lo / c).powf(1.0 / p)),
            )
        }
    };
    let [from, to] = [inside(a[0]), inside(b[0])].map(|x| frame.place([x, c * x.powf(p)]));
    page.line([from, to], Stroke { dash: &[5.0, 4.0], ..Stroke::new(GREY, 0.08 * em) });
    let middle = [0, 1].map(|i| 0.5 * (from[i] + to[i]));
    page.text(
        Text::new([middle[0] + 0.5 * em, middle[1] + 1.1 * em], format!("slope {p}"), 0.85 * em, Anchor::Start)
            .colour(GREY),
    );
}

/// Draws the names in the corner that hides the fewest points.
fn draw_legend(page: &mut Page, frame: &Frame, curves: &[Curve], seen: &[[f64; 2]]) {
    let em = page.text_size;
    let size = 0.9 * em;
    let names: Vec<(usize, String)> = curves
        .iter()
        .enumerate()
        .filter(|(_, c)| !c.name.is_empty())
        .map(|(i, c)| (i, text::fit(&c.name, size, 0.5 * frame.size[0])))
        .collect();
    if names.is_empty() {
        return;
    }
    let widest = names.iter().map(|(_, n)| text::width(n, size)).fold(0.0, f64::max);
    let [width, height] = [widest + 3.6 * em, names.len() as f64 * 1.45 * em + 0.5 * em];
    let [left, top] = frame.corner.map(|c| c + 0.6 * em);
    let [right, bottom] = [0, 1].map(|c| frame.corner[c] + frame.size[c] - 0.6 * em - [width, height][c]);
    let hidden = |[x, y]: [f64; 2]| {
        let near = |v: f64, from: f64, length: f64| v > from - 0.5 * em && v < from + length + 0.5 * em;
        seen.iter().filter(|p| near(p[0], x, width) && near(p[1], y, height)).count()
    };
    let corners = [[right, top], [left, bottom], [right, bottom], [left, top]];
    let Some([x, y]) = corners.into_iter().min_by_key(|&c| hidden(c)) else { return };
    page.shapes.push(Shape::Box { corner: [x, y], size: [width, height], fill: WHITE, opacity: 0.85 });
    for (row, (i, name)) in names.iter().enumerate() {
        let middle = y + (row as f64 + 0.5) * 1.45 * em + 0.25 * em;
        let [from, to] = [[x + 0.5 * em, middle], [x + 2.5 * em, middle]];
        let stroke = stroke_of(curves[*i].style.unwrap_or(*i), em);
        page.line([from, to], stroke);
        if curves[*i].y.len() <= MARKERS {
            draw_curve(page, vec![[x + 1.5 * em, middle]], stroke, true);
        }
        page.text(Text::new([x + 3.0 * em, middle + 0.33 * size], name, size, Anchor::Start));
    }
}
