//! Gauss points of boxes that are halved in every direction where the residual is: a quadrature without noise, which
//! second-order methods need (random points are fitted, and between them the residual grows).
//!
//! A refresh marks the boxes with the largest shares of ∫ r² that make up half of it (W. Dörfler, SIAM J. Numer. Anal. 33
//! (1996) 1106) and halves them, and then neighbours until sides differ by a factor of two at most. The residual is taken at
//! the Gauss points of the halved boxes, which are not those that the network was trained at.

use super::{ResidualAt, Sampler};
use crate::pinn::{Cloud, Domain};
use rand_pcg::Pcg64;

/// Gauss points and weights on [−1, 1], four a direction.
const GAUSS: [(f64, f64); 4] = [
    (-0.861_136_311_594_052_6, 0.347_854_845_137_453_85),
    (-0.339_981_043_584_856_26, 0.652_145_154_862_546_1),
    (0.339_981_043_584_856_26, 0.652_145_154_862_546_1),
    (0.861_136_311_594_052_6, 0.347_854_845_137_453_85),
];
/// Share of ∫ r² in the boxes that are halved.
const BULK: f64 = 0.5;
/// A refresh adds at most this share of the points there are.
const GROWTH: f64 = 0.5;

/// Boxes and their Gauss points.
pub struct Quadtree {
    bounds: Vec<[f64; 2]>,
    /// Middle and level of every leaf: the sides are those of the domain's box over 2^level.
    leaves: Vec<(Vec<f64>, u32)>,
    /// Points at which it stops growing.
    most: usize,
}

impl Quadtree {
    /// Over the domain's bounding box.
    pub fn new(domain: &Domain) -> Self {
        Quadtree { bounds: domain.bounds(), leaves: Vec::new(), most: 0 }
    }

    fn half(&self, level: u32, axis: usize) -> f64 {
        0.5 * (self.bounds[axis][1] - self.bounds[axis][0]) / f64::from(1u32 << level)
    }

    /// The Gauss points of a box and their weights, those outside the domain left out.
    fn gauss(&self, domain: &Domain, (middle, level): &(Vec<f64>, u32), points: &mut Vec<f64>, weights: &mut Vec<f64>) {
        let d = middle.len();
        for k in 0..GAUSS.len().pow(d as u32) {
            let node = |i: usize| GAUSS[k / GAUSS.len().pow(i as u32) % GAUSS.len()];
            let x: Vec<f64> = (0..d).map(|i| middle[i] + self.half(*level, i) * node(i).0).collect();
            if domain.contains(&x) {
                weights.push((0..d).map(|i| self.half(*level, i) * node(i).1).product());
                points.extend(x);
            }
        }
    }

    /// The boxes of half the sides.
    fn children(&self, (middle, level): &(Vec<f64>, u32)) -> Vec<(Vec<f64>, u32)> {
        let d = middle.len();
        let sign = |k: usize, i: usize| if k >> i & 1 == 1 { 0.5 } else { -0.5 };
        let child = |k: usize| (0..d).map(|i| middle[i] + sign(k, i) * self.half(*level, i)).collect();
        (0..1 << d).map(|k| (child(k), level + 1)).collect()
    }

    fn cloud(&self, domain: &Domain) -> Cloud {
        let (mut points, mut weights) = (Vec::new(), Vec::new());
        self.leaves.iter().for_each(|leaf| self.gauss(domain, leaf, &mut points, &mut weights));
        let whole: f64 = weights.iter().sum();
        weights.iter_mut().for_each(|w| *w /= whole);
        Cloud { points, normals: Vec::new(), weights }
    }

    /// Replaces the marked leaves by their children.
    fn halve(&mut self, marked: &[bool]) {
        let leaves = std::mem::take(&mut self.leaves);
        for (leaf, marked) in leaves.into_iter().zip(marked) {
            if *marked { self.leaves.extend(self.children(&leaf)) } else { self.leaves.push(leaf) }
        }
    }

    /// Halves leaves that touch one of less than half their sides.
    fn grade(&mut self) {
        loop {
            let touch = |a: &(Vec<f64>, u32), b: &(Vec<f64>, u32)| {
                (0..a.0.len())
                    .all(|i| (a.0[i] - b.0[i]).abs() <= (self.half(a.1, i) + self.half(b.1, i)) * (1.0 + 1e-9))
            };
            let coarse = |a: &(Vec<f64>, u32)| self.leaves.iter().any(|b| b.1 > a.1 + 1 && touch(a, b));
            let marked: Vec<bool> = self.leaves.iter().map(coarse).collect();
            if !marked.contains(&true) {
                return;
            }
            self.halve(&marked);
        }
    }
}

impl Sampler for Quadtree {
    /// At most six tenths of the points at first, in equal boxes; the rest comes where the residual is.
    fn start(&mut self, domain: &Domain, n: usize, _: &mut Pcg64) -> Cloud {
        let d = self.bounds.len();
        self.most = n;
        let middle = self.bounds.iter().map(|[low, high]| 0.5 * (low + high)).collect();
        self.leaves = vec![(middle, 0)];
        let per_leaf = GAUSS.len().pow(d as u32);
        while (self.leaves.len() << d) * per_leaf <= (6 * n / 10).max(per_leaf << d) {
            self.halve(&vec![true; self.leaves.len()]);
        }
        self.cloud(domain)
    }

    fn refresh(&mut self, domain: &Domain, cloud: &Cloud, residual: &ResidualAt, _: &mut Pcg64) -> Cloud {
        let (mut points, mut weights, mut ends) = (Vec::new(), Vec::new(), Vec::new());
        for leaf in &self.leaves {
            self.children(leaf).iter().for_each(|child| self.gauss(domain, child, &mut points, &mut weights));
            ends.push(weights.len());
        }
        let r = residual(&points);
        let mut from = 0;
        let mut shares: Vec<f64> = Vec::with_capacity(ends.len());
        for end in ends {
            shares.push((from..end).map(|i| weights[i] * r[i] * r[i]).sum());
            from = end;
        }
        let mut order: Vec<usize> = (0..shares.len()).collect();
        order.sort_by(|i, j| shares[*j].total_cmp(&shares[*i]));
        let (whole, per_leaf) = (shares.iter().sum::<f64>(), GAUSS.len().pow(self.bounds.len() as u32));
        let halved = per_leaf * ((1 << self.bounds.len()) - 1); // points that halving a box adds
        let growth = ((GROWTH * cloud.weights.len() as f64) as usize).max(halved);
        let most = growth.min(self.most.saturating_sub(cloud.weights.len())) / halved;
        let mut marked = vec![false; shares.len()];
        let mut sum = 0.0;
        for i in order.into_iter().take(most) {
            if sum >= BULK * whole {
                break;
            }
            marked[i] = true;
            sum += shares[i];
        }
        self.halve(&marked);
        self.grade();
        self.cloud(domain)
    }

    fn state(&self) -> Vec<f64> {
        let leaves = self.leaves.iter().flat_map(|(middle, level)| middle.iter().copied().chain([f64::from(*level)]));
        std::iter::once(self.most as f64).chain(leaves).collect()
    }

    fn restore(&mut self, state: Vec<f64>) {
        let d = self.bounds.len();
        let Some((most, leaves)) = state.split_first() else { return };
        self.most = *most as usize;
        self.leaves = leaves.chunks_exact(d + 1).map(|leaf| (leaf[..d].to_vec(), leaf[d] as u32)).collect();
    }
}
