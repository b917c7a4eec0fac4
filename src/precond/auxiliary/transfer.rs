//! Π: values at unknowns from those at the cell centres around them, and its transpose.
//!
//! An unknown at parts (s₀, s₁, s₂) of the way between centres takes Π over directions of 1 − s or s from each of the eight
//! (four, in the plane). The transpose adds up in parallel without locks: unknowns are listed by the plane of their first
//! centre and give to that plane and the next, so every other plane can be filled at the same time, in a fixed order.

use super::Background;
use crate::operator::voxel::Layout;
use crate::sparse::WINDOW;
use rayon::prelude::*;

/// Where an unknown lies.
#[derive(Debug, Clone, Copy)]
struct Place {
    /// Its first centre's place in a field.
    first: u32,
    /// Parts of the way to the next centres, by the layout's directions.
    part: [f32; 3],
}

/// Interpolation to a list of unknowns.
#[derive(Debug)]
pub(super) struct Transfer {
    layout: Layout,
    places: Vec<Place>,
    /// Unknowns by plane: `listed[starts[i]..starts[i + 1]]`.
    starts: Vec<u32>,
    listed: Vec<u32>,
}

impl Transfer {
    /// To unknown `order[k]` as number k.
    pub fn new(background: &Background, order: &[u32]) -> Self {
        let layout = background.layout().clone();
        let (places, planes): (Vec<Place>, Vec<u32>) = order
            .par_iter()
            .map(|&i| {
                let (cell, part) = background.place(i as usize);
                let first = layout.at(cell[0], cell[1]) + cell[2];
                (Place { first: first as u32, part }, cell[0] as u32)
            })
            .unzip();
        let mut starts = vec![0u32; layout.n[0] + 1];
        planes.iter().for_each(|&i| starts[i as usize + 1] += 1);
        for i in 1..starts.len() {
            starts[i] += starts[i - 1];
        }
        let (mut next, mut listed) = (starts.clone(), vec![0; order.len()]);
        for (k, &i) in planes.iter().enumerate() {
            let at = &mut next[i as usize];
            listed[*at as usize] = k as u32;
            *at += 1;
        }
        Transfer { layout, places, starts, listed }
    }

    /// out <- Πᵀ v, v given by unknown.
    pub fn restrict(&self, out: &mut [f32], v: impl Fn(usize) -> f32 + Sync) {
        let Layout { n, plane, .. } = self.layout;
        out.par_chunks_mut(plane).for_each(|out| out.fill(0.0));
        for parity in 0..2 {
            let start = self.layout.at(parity, 0);
            out[start..].par_chunks_mut(2 * plane).take((n[0] - parity) / 2).enumerate().for_each(|(pair, out)| {
                let i = 2 * pair + parity;
                let begin = start + 2 * pair * plane;
                for &k in &self.listed[self.starts[i] as usize..self.starts[i + 1] as usize] {
                    let place = self.places[k as usize];
                    let (v, first) = (v(k as usize), place.first as usize - begin);
                    self.corners(&place, |step, w| out[first + step] += w * v);
                }
            });
        }
    }

    /// x <- x + `scale` Π e.
    pub fn prolong(&self, e: &[f32], x: &mut [f32], scale: impl Fn(usize) -> f32 + Sync) {
        x.par_chunks_mut(WINDOW).zip(self.places.par_chunks(WINDOW)).enumerate().for_each(|(window, (x, places))| {
            for (l, (x, place)) in x.iter_mut().zip(places).enumerate() {
                let mut sum = 0.0;
                self.corners(place, |step, w| sum += w * e[place.first as usize + step]);
                *x += scale(window * WINDOW + l) * sum;
            }
        });
    }

    /// The centres around a place: distance from the first, and weight.
    #[inline(always)]
    fn corners(&self, place: &Place, mut each: impl FnMut(usize, f32)) {
        let [t0, t1, t2] = place.part;
        let (plane, row) = (self.layout.plane, self.layout.row);
        let [near, far] = [(1.0 - t0) * (1.0 - t1), t0 * (1.0 - t1)];
        each(0, near * (1.0 - t2));
        each(1, near * t2);
        each(plane, far * (1.0 - t2));
        each(plane + 1, far * t2);
        if !self.layout.planar() {
            let [near, far] = [(1.0 - t0) * t1, t0 * t1];
            each(row, near * (1.0 - t2));
            each(row + 1, near * t2);
            each(plane + row, far * (1.0 - t2));
            each(plane + row + 1, far * t2);
        }
    }

    /// Bytes held.
    pub fn bytes(&self) -> usize {
        size_of_val(&self.places[..]) + 4 * (self.listed.len() + self.starts.len())
    }
}
