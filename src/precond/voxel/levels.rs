//! Which levels there are: made from the cells of the finest one, and made again where those change.
//!
//! A row of blocks follows from the rows of cells in it and one row around them, on every level. So where flags change in a
//! few rows, a set of rows goes down the levels, halved and grown by one at each, and only those are made again, by the same
//! code that makes all of them: the outcome is that of a new set-up to the bit. The last grid level and the sparse one are
//! small and are made again whole.

use super::CycleNumbers;
use super::bottom::Bottom;
use super::cells::wet_rows;
use super::coarsen::Coarsening;
use super::krylov::Sweeps;
use super::level::Level;
use super::parameters::SCALE;
use super::split::split;
use crate::error::Result;
use crate::operator::voxel::{Coefficients, Flags, Rows, ScaledFlags, VoxelOperator, Weights};
use std::sync::Arc;

/// Levels with fewer blocks are left to algebraic multigrid: its work no longer counts.
const BOTTOM: usize = 6000;

/// Largest part of a level's cells that its blocks may lose; see [`super`].
const LOST: f64 = 0.01;
/// The same as a part of the cells in blocks that are not all fluid: a thin wall loses many, a smooth surface few.
const LOST_OF_CUT: f64 = 0.1;
/// [`LOST`] for the level after it: one that would lose more is not made.
const LOST_NEXT: f64 = 0.04;
/// [`LOST`] on the finest level, where losing the way through a channel of one or two cells costs most.
const LOST_FINEST: f64 = 0.0003;

/// The finest level, by what its operator is held in.
pub(super) enum Finest {
    Flags(Level<Flags>),
    Scaled(Level<ScaledFlags>),
    Weights(Level<Weights>),
}

impl Finest {
    /// Without cells yet; `kind` is what they will be.
    pub fn empty(operator: &VoxelOperator, kind: &[u8], numbers: &CycleNumbers) -> Self {
        let layout = operator.layout.clone();
        let kernel = numbers.kernel(0);
        match &operator.coefficients {
            Coefficients::Flags(flags) if numbers.scale_finest == [0.0; 6] => {
                Finest::Flags(Level::empty(layout, kernel, flags.clone()))
            }
            Coefficients::Flags(flags) => {
                let wet = wet_rows(&layout, kind);
                let scaled = ScaledFlags::new(&layout, kind, flags.clone(), numbers.scale_finest, SCALE, &wet);
                Finest::Scaled(Level::empty(layout, kernel, Arc::new(scaled)))
            }
            Coefficients::Weights(weights) => Finest::Weights(Level::empty(layout, kernel, weights.clone())),
        }
    }

    /// Takes other flags, that differ in `rows` from those before; its levels do not follow yet.
    pub fn take_flags(&mut self, flags: &Arc<Flags>, kind: &[u8], rows: &Rows) {
        match self {
            Finest::Flags(level) => level.stencil = flags.clone(),
            Finest::Scaled(level) => {
                let scaled = Arc::get_mut(&mut level.stencil).expect("held by the level alone");
                scaled.update(&level.layout, kind, flags.clone(), rows);
            }
            Finest::Weights(_) => unreachable!("an operator of flags has a level of flags"),
        }
    }

    /// The level.
    pub fn sweeps(&self) -> &dyn Sweeps {
        match self {
            Finest::Flags(level) => level,
            Finest::Scaled(level) => level,
            Finest::Weights(level) => level,
        }
    }

    /// The level, to compute with.
    pub fn sweeps_mut(&mut self) -> &mut dyn Sweeps {
        match self {
            Finest::Flags(level) => level,
            Finest::Scaled(level) => level,
            Finest::Weights(level) => level,
        }
    }

    /// As [`Level::update`].
    fn update(&mut self, kind: &[u8], rows: &Rows) -> Rows {
        match self {
            Finest::Flags(level) => level.update(kind, None, rows),
            Finest::Scaled(level) => level.update(kind, None, rows),
            Finest::Weights(level) => level.update(kind, Some(&*level.stencil.clone()), rows),
        }
    }

    /// Its cells, and its weights where it has any.
    pub fn cells(&mut self) -> (&mut Coarsening, Option<&Weights>) {
        match self {
            Finest::Flags(level) => (&mut level.coarsening, None),
            Finest::Scaled(level) => (&mut level.coarsening, None),
            Finest::Weights(level) => (&mut level.coarsening, Some(&*level.stencil)),
        }
    }
}

/// Makes the levels below `finest` follow its cells, which are now of these kinds and differ in `rows` from those before: all
/// of them where there is no level yet. Gives the sparse level.
pub(super) fn follow(
    finest: &mut Finest,
    coarser: &mut Vec<Level<Weights>>,
    kind: &[u8],
    rows: Rows,
    numbers: &CycleNumbers,
) -> Result<Bottom> {
    // The last grid level: some of its cells take from the sparse one.
    let last = coarser.len();
    let rows = if last == 0 { Rows::all(&finest.cells().0.cells.layout) } else { rows };
    let mut changed = finest.update(kind, &rows);
    let (first, first_weights) = finest.cells();
    let growth = if first.cells.layout.planar() { 1.0 } else { 2.0 };
    // The weight of an open face.
    let mut full = 1.0;
    let mut before = std::mem::take(coarser).into_iter();
    loop {
        let l = coarser.len();
        let (fine, weights) = match coarser.last() {
            Some(level) => (&level.coarsening, Some(&*level.stencil)),
            None => (&*first, first_weights),
        };
        let counts = fine.blocks.counts();
        let limit = if l == 0 { LOST_FINEST } else { LOST };
        if counts.fluid <= BOTTOM || counts.lost() >= limit || counts.lost_of_cut() >= LOST_OF_CUT {
            break;
        }
        let layout = &fine.blocks.layout;
        let mut next = before
            .next()
            .unwrap_or_else(|| Level::empty(layout.clone(), numbers.kernel(l + 1), Arc::new(Weights::zero(layout))));
        let rows = if l + 1 >= last { Rows::all(layout) } else { changed.grown() };
        let own = Arc::get_mut(&mut next.stencil).expect("held by the level alone");
        // Rows without unknowns have no weights.
        let wet = fine.blocks.wet().either(&next.coarsening.cells.wet);
        fine.weights(fine.cells.faces(weights), l, full, numbers, &rows.both(&wet), own);
        changed = next.update(&fine.blocks.kind, Some(&*next.stencil.clone()), &rows);
        if next.coarsening.blocks.counts().lost() >= LOST_NEXT {
            break;
        }
        full *= growth * numbers.coupling(l).faces[0];
        coarser.push(next);
    }
    let l = coarser.len();
    let (fine, weights) = match coarser.last_mut() {
        Some(level) => (&mut level.coarsening, Some(&*level.stencil)),
        None => (first, first_weights),
    };
    Bottom::new(split(fine, weights, l))
}
