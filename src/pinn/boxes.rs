//! Boxes that are halved in every direction: leaves of a quadtree over a domain's bounding box (octree in space).

use super::Domain;
use super::sampler::ResidualAt;

/// Share of the faults in the leaves that [`Boxes::resolve`] halves.
const BULK: f64 = 0.5;

/// One leaf.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Leaf {
    pub middle: Vec<f64>,
    /// Its sides are those of the bounding box over first · 2^level.
    pub level: u32,
}

/// The leaves.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Boxes {
    pub bounds: Vec<[f64; 2]>,
    /// Leaves along every side of the bounding box at level 0.
    pub first: usize,
    pub leaves: Vec<Leaf>,
}

impl Boxes {
    /// The domain's bounding box in `first` leaves along every side.
    pub fn even(domain: &Domain, first: usize) -> Self {
        let bounds = domain.bounds();
        let mut boxes = Boxes { bounds, first, leaves: Vec::new() };
        let d = boxes.bounds.len();
        let at = |c: usize, i: usize| (2 * (c / first.pow(i as u32) % first) + 1) as f64;
        let middle = |c: usize| (0..d).map(|i| boxes.bounds[i][0] + at(c, i) * boxes.half(0, i)).collect();
        boxes.leaves = (0..first.pow(d as u32)).map(|c| Leaf { middle: middle(c), level: 0 }).collect();
        boxes
    }

    /// Half a side of a leaf of this level.
    pub fn half(&self, level: u32, axis: usize) -> f64 {
        0.5 * (self.bounds[axis][1] - self.bounds[axis][0]) / (self.first << level) as f64
    }

    /// The leaves of half its sides in a leaf.
    pub fn children(&self, leaf: &Leaf) -> Vec<Leaf> {
        let d = leaf.middle.len();
        let sign = |k: usize, i: usize| if k >> i & 1 == 1 { 0.5 } else { -0.5 };
        let middle = |k: usize| (0..d).map(|i| leaf.middle[i] + sign(k, i) * self.half(leaf.level, i)).collect();
        (0..1 << d).map(|k| Leaf { middle: middle(k), level: leaf.level + 1 }).collect()
    }

    /// Adds the points and weights of a leaf for a rule (points, weights) on [−1, 1] in every direction, those outside the domain
    /// left out.
    pub fn gauss(&self, domain: &Domain, leaf: &Leaf, rule: &[(f64, f64)], to: (&mut Vec<f64>, &mut Vec<f64>)) {
        let d = leaf.middle.len();
        for k in 0..rule.len().pow(d as u32) {
            let node = |i: usize| rule[k / rule.len().pow(i as u32) % rule.len()];
            let x: Vec<f64> = (0..d).map(|i| leaf.middle[i] + self.half(leaf.level, i) * node(i).0).collect();
            if domain.contains(&x) {
                to.1.push((0..d).map(|i| self.half(leaf.level, i) * node(i).1).product());
                to.0.extend(x);
            }
        }
    }

    /// ∫ r² over every leaf by a rule on the `parts` that it is made of.
    pub fn integrals(
        &self,
        domain: &Domain,
        rule: &[(f64, f64)],
        residual: &ResidualAt,
        parts: impl Fn(&Leaf) -> Vec<Leaf>,
    ) -> Vec<f64> {
        let (mut points, mut weights, mut ends) = (Vec::new(), Vec::new(), Vec::new());
        for leaf in &self.leaves {
            parts(leaf).iter().for_each(|part| self.gauss(domain, part, rule, (&mut points, &mut weights)));
            ends.push(weights.len());
        }
        let r = residual(&points);
        let starts = std::iter::once(0).chain(ends.iter().copied());
        let integral = |(from, to): (usize, &usize)| (from..*to).map(|i| weights[i] * r[i] * r[i]).sum();
        starts.zip(&ends).map(integral).collect()
    }

    /// Halves leaves until ∫ r² by a rule on them and by the same on their halves differ by a part of it no larger than `tolerance`,
    /// or until there are `most` leaves.
    pub fn resolve(
        &mut self,
        domain: &Domain,
        rule: &[(f64, f64)],
        residual: &ResidualAt,
        tolerance: f64,
        most: usize,
    ) {
        loop {
            let room = most.saturating_sub(self.leaves.len()) / ((1 << self.bounds.len()) - 1);
            if room == 0 {
                return;
            }
            let own = self.integrals(domain, rule, residual, |leaf| vec![leaf.clone()]);
            let fresh = self.integrals(domain, rule, residual, |leaf| self.children(leaf));
            let faults: Vec<f64> = own.iter().zip(&fresh).map(|(own, fresh)| (own - fresh).abs()).collect();
            let (fault, whole): (f64, f64) = (faults.iter().sum(), fresh.iter().sum());
            if fault.is_nan() || fault <= tolerance * whole {
                return;
            }
            self.halve(&bulk(&faults, BULK, room));
            self.grade();
        }
    }

    /// Replaces the marked leaves by their children.
    pub fn halve(&mut self, marked: &[bool]) {
        let leaves = std::mem::take(&mut self.leaves);
        for (leaf, marked) in leaves.into_iter().zip(marked) {
            if *marked { self.leaves.extend(self.children(&leaf)) } else { self.leaves.push(leaf) }
        }
    }

    /// Halves leaves that touch one of less than half their sides.
    pub fn grade(&mut self) {
        loop {
            let touch = |a: &Leaf, b: &Leaf| {
                let reach = |i: usize| (self.half(a.level, i) + self.half(b.level, i)) * (1.0 + 1e-9);
                (0..a.middle.len()).all(|i| (a.middle[i] - b.middle[i]).abs() <= reach(i))
            };
            let coarse = |a: &Leaf| self.leaves.iter().any(|b| b.level > a.level + 1 && touch(a, b));
            let marked: Vec<bool> = self.leaves.iter().map(coarse).collect();
            if !marked.contains(&true) {
                return;
            }
            self.halve(&marked);
        }
    }
}

/// The largest shares that make up `bulk` of them all, at most `most` (W. Dörfler, SIAM J. Numer. Anal. 33 (1996) 1106).
pub(super) fn bulk(shares: &[f64], bulk: f64, most: usize) -> Vec<bool> {
    let mut order: Vec<usize> = (0..shares.len()).collect();
    order.sort_by(|i, j| shares[*j].total_cmp(&shares[*i]));
    let whole: f64 = shares.iter().sum();
    let (mut marked, mut sum) = (vec![false; shares.len()], 0.0);
    for i in order.into_iter().take(most) {
        if sum >= bulk * whole {
            break;
        }
        marked[i] = true;
        sum += shares[i];
    }
    marked
}

/// The Gauss–Legendre rule of n points on [−1, 1]: zeros of the Legendre polynomial by Newton's method.
pub(super) fn gauss_legendre(n: usize) -> Vec<(f64, f64)> {
    let legendre = |x: f64| {
        let (mut before, mut p) = (1.0, x);
        for k in 2..=n {
            (before, p) = (p, ((2 * k - 1) as f64 * x * p - (k - 1) as f64 * before) / k as f64);
        }
        (p, n as f64 * (x * p - before) / (x * x - 1.0))
    };
    let rule = |i: usize| {
        let mut x = -(std::f64::consts::PI * (i as f64 + 0.75) / (n as f64 + 0.5)).cos();
        for _ in 0..8 {
            let (p, slope) = legendre(x);
            x -= p / slope;
        }
        let slope = legendre(x).1;
        (x, 2.0 / ((1.0 - x * x) * slope * slope))
    };
    (0..n).map(rule).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gauss_rules_are_exact_for_polynomials() {
        for n in 2..=10 {
            let rule = gauss_legendre(n);
            for degree in 0..2 * n as i32 {
                let sum: f64 = rule.iter().map(|(x, w)| w * x.powi(degree)).sum();
                let exact = if degree % 2 == 0 { 2.0 / f64::from(degree + 1) } else { 0.0 };
                assert!((sum - exact).abs() < 1e-13, "{n} points, degree {degree}: {sum} {exact}");
            }
        }
    }

    #[test]
    fn graded_leaves_cover_the_box_once() {
        let domain = Domain::Box(vec![[0.0, 2.0], [0.0, 1.0]]);
        let mut boxes = Boxes::even(&domain, 2);
        for _ in 0..4 {
            let corner =
                |leaf: &Leaf| leaf.middle.iter().zip(&boxes.bounds).all(|(m, b)| (m - b[0]) < 0.3 * (b[1] - b[0]));
            let marked: Vec<bool> = boxes.leaves.iter().map(corner).collect();
            boxes.halve(&marked);
            boxes.grade();
        }
        let volume: f64 = boxes.leaves.iter().map(|l| 4.0 * boxes.half(l.level, 0) * boxes.half(l.level, 1)).sum();
        assert!((volume - 2.0).abs() < 1e-12, "{volume}");
    }
}
