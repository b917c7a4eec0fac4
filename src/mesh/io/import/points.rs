//! Points of a mesh file: checked, and left out where no cell uses them.

use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

use rayon::prelude::*;

use super::{Block, RawMesh, count, pick};
use crate::error::{Error, Place, Result};

/// Marks a point that is left out.
pub(super) const DROPPED: u32 = u32::MAX;

/// Finite coordinates, and every node among the points.
pub(super) fn check(path: &Path, raw: &RawMesh) -> Result<()> {
    let n = raw.points.len();
    if n >= DROPPED as usize {
        let what = format!("{} points are more than the 4 294 967 294 that can be numbered", count(n));
        return Err(Error::file(path, Place::File, what, "use a coarser mesh"));
    }
    let finite = |p: &[f64; 3]| p.iter().all(|x| x.is_finite());
    if let Some(i) = raw.points.par_iter().position_first(|p| !finite(p)) {
        let [x, y, z] = raw.points[i];
        let what = format!("point {} of {} has the coordinates ({x}, {y}, {z})", count(i + 1), count(n));
        return Err(Error::file(path, Place::File, what, "coordinates must be finite numbers: save the mesh again"));
    }
    for block in &raw.blocks {
        let highest = block.nodes.par_chunks(1 << 16).map(|piece| piece.iter().copied().max()).max().flatten();
        if highest.is_some_and(|v| v as usize >= n) {
            let at = block.nodes.iter().position(|&v| v as usize >= n).unwrap_or(0);
            let what = format!(
                "element {} of the {} uses point number {} (from 0) but there are {} points",
                count(at / block.kind.nodes() + 1),
                block.kind.plural(),
                count(block.nodes[at] as usize),
                count(n)
            );
            return Err(Error::file(path, Place::File, what, "the file is damaged: save the mesh again"));
        }
    }
    Ok(())
}

/// The largest distance of a mid-edge node from the middle of its straight edge, in edge lengths.
pub(super) fn bend(points: &[[f64; 3]], block: &Block) -> f64 {
    let (edges, corners) = (block.kind.edges(), block.kind.corners());
    let element_bend = |nodes: &[u32]| {
        let at = |i: usize| nalgebra::Vector3::from(points[nodes[i] as usize]);
        let bends = edges.iter().enumerate().map(|(e, &[a, b])| {
            let (a, b) = (at(a as usize), at(b as usize));
            (at(corners + e) - (a + b) * 0.5).norm() / (b - a).norm()
        });
        bends.filter(|b| b.is_finite()).fold(0.0, f64::max)
    };
    block.nodes.par_chunks(block.kind.nodes()).with_min_len(1 << 10).map(element_bend).reduce(|| 0.0, f64::max)
}

/// Leaves out the points that no cell uses. Gives the new numbers of the old points, `None` where all are used.
pub(super) fn compact(raw: &mut RawMesh, cells: &mut [u32], notes: &mut Vec<String>) -> Option<Vec<u32>> {
    let n = raw.points.len();
    let used: Vec<AtomicBool> = (0..n).map(|_| AtomicBool::new(false)).collect();
    cells.par_iter().with_min_len(1 << 16).for_each(|&v| used[v as usize].store(true, Ordering::Relaxed));
    let mut kept = Vec::new();
    let mut numbers = Vec::with_capacity(n);
    if used.par_iter().all(|u| u.load(Ordering::Relaxed)) {
        return None;
    }
    for (i, used) in used.into_iter().enumerate() {
        numbers.push(if used.into_inner() { kept.len() as u32 } else { DROPPED });
        if numbers[i] != DROPPED {
            raw.points[kept.len()] = raw.points[i];
            kept.push(i as u32);
        }
    }
    raw.points.truncate(kept.len());
    raw.point_data = raw.point_data.iter().map(|f| pick(f, &kept)).collect();
    cells.par_iter_mut().with_min_len(1 << 16).for_each(|v| *v = numbers[*v as usize]);
    notes.push(format!("{} of {} points left out: no cell has them as a corner", count(n - kept.len()), count(n)));
    Some(numbers)
}
