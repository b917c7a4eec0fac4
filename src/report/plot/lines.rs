//! Curves of any number of points.

use super::colour::WHITE;
use super::page::{Page, Shape, Stroke};

/// Draws a curve through pixels, with discs at its points where asked.
pub fn draw_curve(page: &mut Page, points: Vec<[f64; 2]>, stroke: Stroke, markers: bool) {
    if markers || points.len() == 1 {
        for &centre in &points {
            let rim = Stroke::new(WHITE, 0.4 * stroke.width);
            page.shapes.push(Shape::Disc { centre, radius: 1.9 * stroke.width, fill: stroke.colour, rim });
        }
    }
    if points.len() > 1 {
        let at = page.shapes.len() - if markers { points.len() } else { 0 };
        page.shapes.insert(at, Shape::Line { points: thin(points), stroke });
    }
}

/// Leaves out points that cannot be seen: of those in one half-pixel column, keeps the first, lowest, highest and last.
fn thin(points: Vec<[f64; 2]>) -> Vec<[f64; 2]> {
    let column = |p: &[f64; 2]| (2.0 * p[0]).floor();
    let mut kept = Vec::with_capacity(points.len().min(8192));
    for group in points.chunk_by(|a, b| column(a) == column(b)) {
        let last = group.len() - 1;
        let by_height = |&i: &usize, &j: &usize| group[i][1].total_cmp(&group[j][1]);
        let mut of_note = [Some(0), (0..=last).min_by(by_height), (0..=last).max_by(by_height), Some(last)];
        of_note.sort();
        let mut previous = None;
        for i in of_note.into_iter().flatten().filter(|&i| previous.replace(i) != Some(i)) {
            kept.push(group[i]);
        }
    }
    kept
}

/// Joins edges into chains, from left to right as far as they go on.
pub fn join(edges: impl Iterator<Item = [u32; 2]>, place: impl Fn(u32) -> f64) -> Vec<Vec<u32>> {
    let mut edges: Vec<[u32; 2]> = edges.map(|[a, b]| if place(a) <= place(b) { [a, b] } else { [b, a] }).collect();
    edges.sort_by(|e, f| place(e[0]).total_cmp(&place(f[0])));
    let mut chains: Vec<Vec<u32>> = Vec::new();
    for [a, b] in edges {
        match chains.last_mut() {
            Some(chain) if chain.last() == Some(&a) => chain.push(b),
            _ => chains.push(vec![a, b]),
        }
    }
    chains
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thinning_keeps_the_range_of_every_column() {
        let points: Vec<[f64; 2]> = (0..100_000).map(|i| [f64::from(i) * 1e-3, (f64::from(i) * 0.37).sin()]).collect();
        let kept = thin(points.clone());
        assert!(kept.len() <= 4 * 200 && kept.windows(2).all(|w| w[0][0] <= w[1][0]));
        assert_eq!((kept.first(), kept.last()), (points.first(), points.last()));
        let lowest = |p: &[[f64; 2]]| p.iter().map(|p| p[1]).fold(f64::INFINITY, f64::min);
        assert_eq!(lowest(&kept), lowest(&points));
    }

    #[test]
    fn few_points_all_stay() {
        let points = vec![[0.0, 1.0], [0.1, 3.0], [0.2, 2.0], [9.0, 2.0]];
        assert_eq!(thin(points.clone()), points);
    }

    #[test]
    fn edges_in_any_order_make_one_chain() {
        let chains = join([[2, 3], [1, 0], [2, 1]].into_iter(), f64::from);
        assert_eq!(chains, [[0, 1, 2, 3]]);
        assert_eq!(join([[0, 1], [2, 3]].into_iter(), f64::from).len(), 2);
    }
}
