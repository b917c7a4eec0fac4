//! Gauss points of boxes that are halved where the residual needs it: a quadrature without noise, which second-order methods
//! need (random points are fitted, and between them the residual grows).
//!
//! A box's fault is the difference between its ∫ r² by its own points, which the network is trained at, and by those of its
//! halves, which it never saw: large where r² is not resolved, or fitted at the points alone. The boxes of the largest faults
//! that make up half of all are halved, then neighbours until sides differ by a factor of two at most; and again, until the
//! faults are a small part (`TOLERANCE`) of ∫ r² or there are enough points. The first boxes are so refined, too, for the residual
//! of the network as it begins: mostly that of the equation's data.

use super::{ResidualAt, Sampler};
use crate::pinn::boxes::{Boxes, Leaf, gauss_legendre};
use crate::pinn::{Cloud, Domain};
use rand_pcg::Pcg64;

/// Gauss points a direction.
const GAUSS: usize = 4;
/// Faults over ∫ r² that are small enough.
const TOLERANCE: f64 = 0.02;
/// Share of the points in equal boxes at first, and the share that a refresh adds at most of those there are.
const EVEN: f64 = 0.7;
const GROWTH: f64 = 0.25;

/// Boxes and their Gauss points.
pub struct Quadtree {
    boxes: Boxes,
    rule: Vec<(f64, f64)>,
    /// Points at which it stops growing.
    most: usize,
}

impl Quadtree {
    /// Over the domain's bounding box.
    pub fn new(domain: &Domain) -> Self {
        Quadtree { boxes: Boxes::even(domain, 1), rule: gauss_legendre(GAUSS), most: 0 }
    }

    /// Points of a box.
    fn per_box(&self) -> usize {
        GAUSS.pow(self.boxes.bounds.len() as u32)
    }

    fn cloud(&self, domain: &Domain) -> Cloud {
        let (mut points, mut weights) = (Vec::new(), Vec::new());
        self.boxes
            .leaves
            .iter()
            .for_each(|leaf| self.boxes.gauss(domain, leaf, &self.rule, (&mut points, &mut weights)));
        let whole: f64 = weights.iter().sum();
        weights.iter_mut().for_each(|w| *w /= whole);
        Cloud { points, normals: Vec::new(), weights }
    }

    /// Halves boxes until the faults are small or there are `most` points.
    fn refine(&mut self, domain: &Domain, residual: &ResidualAt, most: usize) {
        let most = most / self.per_box();
        self.boxes.resolve(domain, &self.rule, residual, TOLERANCE, most);
    }
}

impl Sampler for Quadtree {
    fn start(&mut self, domain: &Domain, n: usize, residual: &ResidualAt, _: &mut Pcg64) -> Cloud {
        self.most = n;
        let boxes = EVEN * n as f64 / self.per_box() as f64;
        let side = boxes.powf(1.0 / domain.dimension() as f64) as usize;
        self.boxes = Boxes::even(domain, side.max(2));
        self.refine(domain, residual, n);
        self.cloud(domain)
    }

    fn refresh(&mut self, domain: &Domain, cloud: &Cloud, residual: &ResidualAt, _: &mut Pcg64) -> Cloud {
        let grown = ((1.0 + GROWTH) * cloud.weights.len() as f64) as usize;
        self.refine(domain, residual, grown.min(self.most));
        self.cloud(domain)
    }

    fn state(&self) -> Vec<f64> {
        let leaves = self.boxes.leaves.iter();
        let leaves = leaves.flat_map(|leaf| leaf.middle.iter().copied().chain([f64::from(leaf.level)]));
        [self.most as f64, self.boxes.first as f64].into_iter().chain(leaves).collect()
    }

    fn restore(&mut self, state: Vec<f64>) {
        let d = self.boxes.bounds.len();
        let Some(([most, first], leaves)) = state.split_first_chunk() else { return };
        (self.most, self.boxes.first) = (*most as usize, *first as usize);
        let leaf = |leaf: &[f64]| Leaf { middle: leaf[..d].to_vec(), level: leaf[d] as u32 };
        self.boxes.leaves = leaves.chunks_exact(d + 1).map(leaf).collect();
    }
}
