//! The operator with a weight on every face: variable density, cut cells, and multigrid's coarse levels.

#[cfg(feature = "cuda")]
use super::CudaStencil;
use super::{Field, Layout, Rows, Stencil};
#[cfg(feature = "cuda")]
use crate::device::cuda::Cuda;
use crate::error::{Error, Result};
use crate::simd::vectorised;
use crate::voxel::{AIR, FLUID, VoxelGrid};
use rayon::prelude::*;

/// A weight for each face of a voxel grid, as staggered velocities lie: the weight of the face between cells i − 1 and i of a
/// direction has the index i, so there is one more than cells in that direction.
///
/// The weight is (open part of the face) · (density scale) / density, and to air divided by the distance to its surface in
/// sides (Gibou et al. 2002, doi:10.1006/jcph.2001.6977, eq. 26; Batty et al. 2007, doi:10.1145/1275808.1276502). Weights of
/// faces to solid cells are not used.
#[derive(Debug, Clone, PartialEq)]
pub struct FaceWeights {
    shape: [usize; 3],
    faces: [Vec<f32>; 3],
}

impl FaceWeights {
    /// All weights 1.
    pub fn ones(grid: &VoxelGrid) -> Self {
        let shape = grid.shape();
        let faces = std::array::from_fn(|d| vec![1.0; count(shape, d)]);
        FaceWeights { shape, faces }
    }

    /// The weights of the faces across direction `d`, row-major, with one more than cells in that direction. In a grid in
    /// the plane the directions are 1 and 2.
    pub fn faces_mut(&mut self, d: usize) -> &mut [f32] {
        &mut self.faces[d]
    }

    /// The number of the face before cell (i, j, k) in direction `d`; the face after it is that of the next cell.
    #[inline]
    pub fn index(&self, d: usize, [i, j, k]: [usize; 3]) -> usize {
        let side = |e: usize| self.shape[e] + usize::from(d == e);
        (i * side(1) + j) * side(2) + k
    }

    /// The operator's coefficients on `grid`.
    pub(super) fn on(&self, grid: &VoxelGrid, layout: &Layout) -> Result<Weights> {
        if self.shape != grid.shape() {
            return Err(Error::Problem {
                what: format!("face weights for a grid of shape {:?} on one of shape {:?}", self.shape, grid.shape()),
                help: "make them with FaceWeights::ones of the same grid".into(),
            });
        }
        let directions: &[usize] = if grid.dimension() == 2 { &[1, 2] } else { &[0, 1, 2] };
        for &d in directions {
            if let Some(at) = self.faces[d].iter().position(|w| !(w.is_finite() && *w >= 0.0)) {
                return Err(Error::Problem {
                    what: format!("the weight {} of face {at} across direction {d}", self.faces[d][at]),
                    help: "weights are finite and at least 0".into(),
                });
            }
        }
        let mut weights = Weights::zero(layout);
        let [n0, n1, n2] = grid.shape();
        for (i, j) in (0..n0).flat_map(|i| (0..n1).map(move |j| (i, j))) {
            for k in 0..n2 {
                let c = grid.index(i, j, k);
                let at = layout.place(c);
                for &d in directions {
                    let mut next = [i, j, k];
                    next[d] += 1;
                    if next[d] == grid.shape()[d] {
                        continue;
                    }
                    let w = self.faces[d][self.index(d, next)];
                    let axis = Layout::axis(grid, d);
                    let step = layout.steps()[axis];
                    match [grid.flags()[c], grid.flags()[grid.index(next[0], next[1], next[2])]] {
                        [FLUID, FLUID] => weights.faces[axis][at] = w,
                        [FLUID, AIR] => weights.air[at] += w,
                        [AIR, FLUID] => weights.air[at + step] += w,
                        _ => {}
                    }
                }
            }
        }
        weights.finish(layout, &Scaling::default(), &Rows::all(layout));
        Ok(weights)
    }
}

/// Faces across direction `d` of a box.
fn count(shape: [usize; 3], d: usize) -> usize {
    (0..3).map(|e| shape[e] + usize::from(d == e)).product()
}

/// How the scaling's first part departs from √(d₀ / d): by the factor 1 + `missing` (1 − Σ w / `open`) + `air` a / d within `bounds`,
/// with a the part of d that couples to air and `open` what Σ w is in the midst of the fluid. The default is no departure.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Scaling {
    pub open: f32,
    pub missing: f32,
    pub air: f32,
    pub bounds: [f32; 2],
}

impl Default for Scaling {
    fn default() -> Self {
        Scaling { open: 1.0, missing: 0.0, air: 0.0, bounds: [1.0; 2] }
    }
}

/// Face weights in fields.
#[derive(Debug)]
pub(crate) struct Weights {
    /// w of the face to the next fluid cell in each direction.
    pub faces: [Field; 3],
    /// d = Σ w + what couples to air; 0 where the cell is not fluid.
    diagonal: Field,
    /// h² = min(d₀ / d, 1.5 / max w) with d₀ the diagonal of the unscaled operator, 6 or 4; h = 0 where the cell is not fluid.
    ///
    /// The first is the scaling of the diagonal to d₀, the second keeps ‖K H A H‖ < 2 where weights differ by direction: the
    /// part Σ w h h (x − x)² of H A H is then at most 1.5 times the unscaled operator, and K is small where that is large.
    scale: Field,
    /// The part of d that couples to air.
    pub air: Field,
}

impl Weights {
    /// No weights yet.
    pub fn zero(layout: &Layout) -> Self {
        let field = || Field::new(layout.len());
        Weights { faces: [field(), field(), field()], diagonal: field(), scale: field(), air: field() }
    }

    /// Diagonal and scaling from the weights, in `rows`.
    pub fn finish(&mut self, layout: &Layout, rule: &Scaling, rows: &Rows) {
        let Weights { faces: [wi, wj, wk], diagonal, scale, air } = self;
        let [si, sj, sk] = layout.steps();
        let start = layout.at(0, 0);
        let planes = diagonal[start..].par_chunks_mut(layout.plane).zip(scale[start..].par_chunks_mut(layout.plane));
        planes.take(layout.n[0]).enumerate().for_each(|(i, (diagonal, scale))| {
            for run in rows.runs(i) {
                let at = layout.at(i, run.start);
                let within = run.start * layout.row..run.end * layout.row;
                let (diagonal, largest) = (&mut diagonal[within.clone()], &mut scale[within]);
                let air = &air[at..at + diagonal.len()];
                diagonal.copy_from_slice(air);
                largest.fill(0.0);
                for (w, step) in [(&*wi, si), (&*wj, sj), (&*wk, sk)].into_iter().filter(|(_, step)| *step > 0) {
                    add_both(&w[at - step..], &w[at..], diagonal, largest);
                }
                scaling(if layout.planar() { 4.0 } else { 6.0 }, rule, diagonal, air, largest);
            }
        });
    }
}

vectorised! {
    fn add_both(before: &[f32], after: &[f32], sum: &mut [f32], largest: &mut [f32]) {
        let n = sum.len();
        let (before, after, largest) = (&before[..n], &after[..n], &mut largest[..n]);
        for x in 0..n {
            sum[x] += before[x] + after[x];
            largest[x] = largest[x].max(before[x].max(after[x]));
        }
    }
}

vectorised! {
    /// `scale` holds the largest weight before.
    fn scaling(full: f32, rule: &Scaling, diagonal: &[f32], air: &[f32], scale: &mut [f32]) {
        let n = scale.len();
        let (diagonal, air) = (&diagonal[..n], &air[..n]);
        for x in 0..n {
            let d = diagonal[x];
            let missing = (1.0 - (d - air[x]) / rule.open).max(0.0);
            let factor = (1.0 + rule.missing * missing + rule.air * (air[x] / d)).max(rule.bounds[0]).min(rule.bounds[1]);
            let squared = (full / d * (factor * factor)).min(1.5 / scale[x]);
            scale[x] = if d > 0.0 { squared.sqrt() } else { 0.0 };
        }
    }
}

impl Stencil for Weights {
    const BYTES: [f64; 2] = [20.0, 16.0];
    const MASK: bool = false;

    #[inline(always)]
    fn residual_row(&self, layout: &Layout, at: usize, x: usize, z: [&[f32]; 3], r: &[f32], out: &mut [f32]) {
        let n = out.len();
        let r = &r[at..][..n];
        let (before, centre, after) = (&z[1][x - 1..][..n], &z[1][x..][..n], &z[1][x + 1..][..n]);
        let (up, down) = (&z[0][x..][..n], &z[2][x..][..n]);
        let [wi, wj, wk] = &self.faces;
        let diagonal = &self.diagonal[at..][..n];
        let (wk0, wk1) = (&wk[at - 1..][..n], &wk[at..][..n]);
        let (wi0, wi1) = (&wi[at - layout.plane..][..n], &wi[at..][..n]);
        for x in 0..n {
            let sum = wk0[x] * before[x] + wk1[x] * after[x] + (wi0[x] * up[x] + wi1[x] * down[x]);
            out[x] = r[x] - (diagonal[x] * centre[x] - sum);
        }
        if !layout.planar() {
            let (left, right) = (&z[1][x - layout.row..][..n], &z[1][x + layout.row..][..n]);
            let (wj0, wj1) = (&wj[at - layout.row..][..n], &wj[at..][..n]);
            for x in 0..n {
                out[x] += wj0[x] * left[x] + wj1[x] * right[x];
            }
        }
    }

    #[inline(always)]
    fn apply_row(&self, layout: &Layout, at: usize, x: usize, z: [&[f32]; 3], out: &mut [f32]) {
        let n = out.len();
        let (before, centre, after) = (&z[1][x - 1..][..n], &z[1][x..][..n], &z[1][x + 1..][..n]);
        let (up, down) = (&z[0][x..][..n], &z[2][x..][..n]);
        let [wi, wj, wk] = &self.faces;
        let air = &self.air[at..][..n];
        let (wk0, wk1) = (&wk[at - 1..][..n], &wk[at..][..n]);
        let (wi0, wi1) = (&wi[at - layout.plane..][..n], &wi[at..][..n]);
        // In the plane no face leads left or right: their weights are zero.
        let beside = layout.steps()[1];
        let (left, right) = (&z[1][x - beside..][..n], &z[1][x + beside..][..n]);
        let (wj0, wj1) = (&wj[at - beside..][..n], &wj[at..][..n]);
        for x in 0..n {
            // Differences, so that constants are in the null space to the last bit.
            let centre = f64::from(centre[x]);
            let flux = |w: &[f32], z: &[f32]| f64::from(w[x]) * (centre - f64::from(z[x]));
            let sum = flux(wk0, before) + flux(wk1, after) + (flux(wi0, up) + flux(wi1, down));
            out[x] = (f64::from(air[x]) * centre + sum + (flux(wj0, left) + flux(wj1, right))) as f32;
        }
    }

    fn apply_double(&self, layout: &Layout, place: [usize; 2], x: &[f64], out: &mut [f64]) {
        let (at, from, n) = (layout.at(place[0], place[1]), layout.packed(place[0], place[1]), out.len());
        let centre = &x[from..from + n];
        for ((out, air), x) in out.iter_mut().zip(&self.air[at..]).zip(centre) {
            *out = f64::from(*air) * x;
        }
        for [i, j] in layout.rows_beside(place) {
            // The face lies after the first of the two rows.
            let face = if [i, j] < place { layout.at(i, j) } else { at };
            let faces = if i == place[0] { &self.faces[1] } else { &self.faces[0] };
            add_flux(&faces[face..], centre, &x[layout.packed(i, j)..], out);
        }
        let along = &self.faces[2][at..];
        add_flux(along, &centre[1..], centre, &mut out[1..]);
        add_flux(along, centre, &centre[1..], &mut out[..n - 1]);
    }

    #[inline(always)]
    fn scale_row(&self, at: usize, v: &mut [f32]) {
        for (v, scale) in v.iter_mut().zip(&self.scale[at..]) {
            *v *= scale;
        }
    }

    #[inline(always)]
    fn mask_row(&self, at: usize, v: &mut [f32]) {
        for (v, scale) in v.iter_mut().zip(&self.scale[at..]) {
            *v = if *scale > 0.0 { *v } else { 0.0 };
        }
    }

    fn diagonal(&self, layout: &Layout, at: usize) -> f64 {
        let both = |(w, step): (&Field, usize)| match step {
            0 => 0.0,
            _ => f64::from(w[at - step]) + f64::from(w[at]),
        };
        f64::from(self.air[at]) + self.faces.iter().zip(layout.steps()).map(both).sum::<f64>()
    }

    fn face(&self, d: usize, at: usize, _: usize) -> f64 {
        f64::from(self.faces[d][at])
    }

    fn bytes(&self) -> usize {
        let fields = self.faces.iter().chain([&self.diagonal, &self.scale, &self.air]);
        fields.map(|v| size_of::<f32>() * v.len()).sum()
    }

    #[cfg(feature = "cuda")]
    fn on_device(&self, layout: &Layout, cuda: &Cuda) -> Result<CudaStencil> {
        let up = |field: &Field| cuda.upload(&layout.unpad(field));
        let [wi, wj, wk] = &self.faces;
        Ok(CudaStencil::Weights {
            faces: vec![up(wi)?, up(wj)?, up(wk)?],
            diagonal: up(&self.diagonal)?,
            scale: up(&self.scale)?,
        })
    }
}

vectorised! {
    fn add_flux(weights: &[f32], centre: &[f64], beside: &[f64], out: &mut [f64]) {
        for ((out, w), (centre, beside)) in out.iter_mut().zip(weights).zip(centre.iter().zip(beside)) {
            *out += f64::from(*w) * (centre - beside);
        }
    }
}
