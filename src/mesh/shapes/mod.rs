//! Built-in meshes, named by texts such as `square:20`.
//!
//! Each has the cell group `domain` and named boundary groups, and is made at once: 2·10⁶ triangles in well under
//! 0.1 s. Tags count from 1, the boundary groups first.

mod boxes;
mod round;

use crate::error::{Error, Result};

use super::{CellKind, Group, Mesh};

/// The shapes, each with its size and boundary groups: the list for messages and help texts.
pub const SHAPES: &str = "\
interval:N      (0,1) in N cells; left, right
square:N        unit square, N x N squares cut into two triangles each (square:NxM: N along x, M along y); \
left (x=0), right (x=1), bottom (y=0), top (y=1)
graded_square:N the same with coordinates (i/N)^2: fine toward x=0 and y=0
l_shape:N       (-1,1)^2 without [0,1]x[-1,0], N cells along a unit of length; boundary
disc:N          unit disc in N rings; boundary
annulus:N       radii 1/2 to 1 in N rings; inner, outer
cube:N          unit cube, N^3 cubes cut into six tetrahedra each; \
left (x=0), right (x=1), front (y=0), back (y=1), bottom (z=0), top (z=1)
ball:N          unit ball in N shells of tetrahedra; boundary";

/// The most cells a built-in mesh may have: some 10 GB of mesh, and the numbers of edges and of second-order nodes
/// still fit 32 bits.
pub const MOST_CELLS: u64 = 1 << 28;

/// The names of the shapes.
pub fn names() -> impl Iterator<Item = &'static str> {
    SHAPES.lines().filter_map(|line| Some(line.split_once(':')?.0))
}

/// The built-in mesh of this name, `None` where the text is not of the form `name:size`, so that it can be a path.
pub fn built_in(spec: &str) -> Option<Result<Mesh>> {
    let (name, size) = spec.split_once(':')?;
    let is_name = !name.is_empty() && name.bytes().all(|b| b.is_ascii_lowercase() || b == b'_');
    let is_size = !size.contains(['/', '\\', '.']);
    (is_name && is_size).then(|| generate(spec, name, size))
}

fn generate(spec: &str, name: &str, size: &str) -> Result<Mesh> {
    let refuse = |what: String| Error::Option { option: "mesh".into(), value: spec.into(), what };
    // Cells of the mesh of size 1 and the power with which they grow, to refuse absurd sizes before allocating.
    let (unit, power) = match name {
        "interval" => (1, 1),
        "square" | "graded_square" => (2, 2),
        "l_shape" | "disc" => (6, 2),
        "annulus" => (16, 2),
        "cube" => (6, 3),
        "ball" => (8, 3),
        _ => return Err(refuse(format!("there is no shape \"{name}\"; the shapes are\n{SHAPES}"))),
    };
    let number = |text: &str| text.parse::<u32>().ok().filter(|&n| n > 0 && text.bytes().all(|b| b.is_ascii_digit()));
    let (n, m) = match size.split_once('x') {
        Some((n, m)) if name == "square" => (number(n), number(m)),
        _ => (number(size), number(size)),
    };
    let (Some(n), Some(m)) = (n, m) else {
        return Err(refuse(format!("the size is not a whole number from 1; the shapes are\n{SHAPES}")));
    };
    let cells = [n, m, n][..power].iter().try_fold(unit, |c: u64, &k| c.checked_mul(u64::from(k)));
    if cells.is_none_or(|c| c > MOST_CELLS) {
        let about = [n, m, n][..power].iter().fold(unit as f64, |c, &k| c * f64::from(k));
        return Err(refuse(format!("that would be {about:.1e} cells; the most is {MOST_CELLS}; take a smaller size")));
    }
    Ok(match name {
        "interval" => boxes::interval(n),
        "square" => boxes::square(n, m),
        "graded_square" => boxes::graded_square(n),
        "l_shape" => boxes::l_shape(n),
        "disc" => round::disc(n),
        "annulus" => round::annulus(n),
        "cube" => boxes::cube(n),
        _ => round::ball(n),
    })
}

/// Puts a mesh together: boundary groups of facets by name, tagged from 1, then the cell group `domain`.
fn assemble(points: Vec<[f64; 3]>, kind: CellKind, cells: Vec<u32>, boundary: Vec<(&str, Vec<u32>)>) -> Mesh {
    let dimension = kind.dimension();
    let mut groups: Vec<Group> = boundary
        .into_iter()
        .zip(1..)
        .map(|((name, members), tag)| Group { name: name.into(), dimension: dimension - 1, tag, members })
        .collect();
    let all = (0..(cells.len() / kind.vertices()) as u32).collect();
    groups.push(Group { name: "domain".into(), dimension, tag: groups.len() as i32 + 1, members: all });
    Mesh { points, kind, cells, groups }
}
