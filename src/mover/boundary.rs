//! Where nodes may go: along straight and planar pieces of the boundary, around curved ones, nowhere at corners, and which nodes
//! are one across a periodic direction.
//!
//! 1. The facets at a node are brought together by their normals. One normal: the node slides in the plane; two in space: along
//!    the edge; as many as there are dimensions: it is a corner and stays. No normal is guessed: a node stays on the
//!    boundary as it is, however blunt the corner.
//! 2. Where two groups meet on one plane, the nodes between them stay, so that boundary conditions keep their place; so do nodes
//!    between cell groups and those of points, lines and faces inside the domain.
//! 3. On curved groups facets that turn by less than [`SMOOTH_DEGREES`] count as one surface: nodes slide in its mean tangent and
//!    are brought back to the nearest point of the boundary as it was.

use super::mass::Held;
use crate::error::{Error, Result};
use crate::mesh::topology::boundary_facets;
use crate::mesh::{Mesh, simplex_measure};
use nalgebra::Vector3;
use std::collections::HashMap;

/// Turns below this are no corners on curved groups.
const SMOOTH_DEGREES: f64 = 40.0;
/// Normals whose cosine differs from 1 by less than this are one: 0.001 degrees.
const PARALLEL: f64 = 1e-10;
/// Points are one across a periodic direction up to this part of the mesh's size.
const MATCH: f64 = 1e-8;

type Vec3 = Vector3<f64>;

/// What may move on the boundary; groups by name.
#[derive(Debug, Clone, PartialEq, Default, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct BoundaryConfig {
    /// Groups whose nodes all stay.
    pub fixed: Vec<String>,
    /// Groups that must be able to slide: refused where they are curved. Others slide where they can.
    pub sliding: Vec<String>,
    /// Groups whose nodes slide around a curved boundary and are projected onto it.
    pub curved: Vec<String>,
    /// Directions x, y, z in which the mesh is periodic.
    pub periodic: [bool; 3],
}

/// A boundary facet.
#[derive(Debug, Clone)]
pub(super) struct Facet {
    /// Its points; the first d count.
    pub points: [u32; 3],
    /// Outward unit normal.
    pub normal: [f64; 3],
    /// Length or area; 1 for a point.
    pub measure: f64,
    /// The set of groups it is in.
    groups: Vec<usize>,
}

/// What is known of the boundary.
#[derive(Debug)]
pub(super) struct Boundary {
    /// The degree of freedom of each point.
    pub of_points: Vec<u32>,
    /// Nodes that may not move freely, ascending.
    pub held: Vec<Held>,
    /// The facets, without those of periodic sides.
    pub facets: Vec<Facet>,
    /// Points that are brought back to the facets of these numbers.
    pub curved: Vec<u32>,
    curved_facets: Vec<usize>,
    /// Whether nodes inside the domain are held.
    pub holds_inside: bool,
}

impl Boundary {
    /// Looks at the mesh.
    ///
    /// Errors: a group that is not there; one asked to slide that is curved; sides that do not match across a period.
    pub fn new(mesh: &Mesh, config: &BoundaryConfig) -> Result<Self> {
        let d = mesh.dimension();
        let of_points = identify(mesh, config.periodic)?;
        let facets = facets(mesh, config.periodic);
        let set = |names: &[String]| names.iter().map(|n| find_group(mesh, n)).collect::<Result<Vec<usize>>>();
        let (fixed, sliding, curved) = (set(&config.fixed)?, set(&config.sliding)?, set(&config.curved)?);
        let within = |facet: &Facet, set: &[usize]| facet.groups.iter().any(|g| set.contains(g));
        let count = of_points.iter().max().map_or(0, |&m| m as usize + 1);
        let mut around: Vec<Vec<usize>> = vec![Vec::new(); count];
        for (f, facet) in facets.iter().enumerate() {
            facet.points[..d].iter().for_each(|&v| around[of_points[v as usize] as usize].push(f));
        }
        let mut stays = vec![false; count];
        let inside = held_inside(mesh);
        inside.iter().for_each(|&v| stays[of_points[v as usize] as usize] = true);
        let holds_inside = inside.iter().any(|&v| around[of_points[v as usize] as usize].is_empty());
        let (mut held, mut is_curved) = (Vec::new(), vec![false; count]);
        for (i, around) in around.iter().enumerate() {
            if around.is_empty() && !stays[i] {
                continue;
            }
            let fixed = stays[i] || d == 1 || around.iter().any(|&f| within(&facets[f], &fixed));
            let smooth = around.iter().all(|&f| within(&facets[f], &curved));
            let normals = if fixed { None } else { normals(&facets, around, smooth) };
            let allowed = normals.map_or([[0.0; 3]; 3], |n| tangent_projection(&n, d));
            is_curved[i] = smooth && allowed != [[0.0; 3]; 3];
            held.push((i as u32, allowed));
        }
        let curved_points = (0..mesh.points.len() as u32).filter(|&v| is_curved[of_points[v as usize] as usize]);
        let boundary = Boundary {
            curved: curved_points.collect(),
            curved_facets: (0..facets.len()).filter(|&f| within(&facets[f], &curved)).collect(),
            of_points,
            held,
            facets,
            holds_inside,
        };
        sliding.iter().try_for_each(|&g| boundary.check_slides(mesh, g))?;
        Ok(boundary)
    }

    /// An error where no node of the group can slide.
    fn check_slides(&self, mesh: &Mesh, group: usize) -> Result<()> {
        let moves: Vec<u32> = self.held.iter().filter(|(_, p)| *p != [[0.0; 3]; 3]).map(|h| h.0).collect();
        let d = mesh.dimension();
        let mut points = self.facets.iter().filter(|f| f.groups.contains(&group)).flat_map(|f| &f.points[..d]);
        if points.any(|&v| moves.binary_search(&self.of_points[v as usize]).is_ok()) {
            return Ok(());
        }
        let name = &mesh.groups[group].name;
        let at = mesh.groups[group].members.first().map_or([0.0; 3], |&v| mesh.points[v as usize]);
        Err(Error::Mesh {
            what: format!(
                "the group \"{name}\" is asked to slide, but it has no straight piece: every node of it is a corner, as the one at {at:?}"
            ),
            help: format!("let its nodes go around the curve (--curved {name}) or keep them (--fix {name})"),
        })
    }

    /// Brings the points of curved groups back to the boundary of `mesh`.
    pub fn project_curved(&self, mesh: &Mesh, points: &mut [[f64; 3]]) {
        use rayon::prelude::*;
        let nearest = |&v: &u32| {
            let p = points[v as usize];
            let corners = |f: usize| self.facets[f].points.map(|v| Vec3::from(mesh.points[v as usize]));
            let candidates = self.curved_facets.iter().map(|&f| nearest_in(p.into(), &corners(f), mesh.dimension()));
            let best = candidates.min_by(|a, b| (a - Vec3::from(p)).norm().total_cmp(&(b - Vec3::from(p)).norm()));
            best.map_or(p, Into::into)
        };
        let found: Vec<[f64; 3]> = self.curved.par_iter().map(nearest).collect();
        self.curved.iter().zip(found).for_each(|(&v, p)| points[v as usize] = p);
    }
}

/// The number of the group of that name, boundary facets first.
fn find_group(mesh: &Mesh, name: &str) -> Result<usize> {
    let groups = || mesh.groups.iter().enumerate().filter(|(_, g)| g.dimension + 1 == mesh.dimension());
    groups().find(|(_, g)| g.name == name).map(|(i, _)| i).ok_or_else(|| Error::UnknownGroup {
        name: name.into(),
        available: groups().map(|(_, g)| g.name.clone()).collect(),
    })
}

fn sorted_key(simplex: &[u32]) -> [u32; 3] {
    let mut key = [u32::MAX; 3];
    key[..simplex.len()].copy_from_slice(simplex);
    key.sort_unstable();
    key
}

/// Whether all points lie on one side of the mesh's box in a periodic direction.
fn on_periodic_side(mesh: &Mesh, points: &[u32], periodic: [bool; 3]) -> bool {
    let (bounds, tolerance) = (mesh.bounds(), MATCH * mesh.bounds().size());
    (0..3).filter(|&k| periodic[k]).any(|k| {
        [bounds.min[k], bounds.max[k]]
            .iter()
            .any(|side| points.iter().all(|&v| (mesh.points[v as usize][k] - side).abs() <= tolerance))
    })
}

fn facets(mesh: &Mesh, periodic: [bool; 3]) -> Vec<Facet> {
    let d = mesh.dimension();
    let mut groups: HashMap<[u32; 3], Vec<usize>> = HashMap::new();
    for (g, group) in mesh.groups.iter().enumerate().filter(|(_, g)| g.dimension + 1 == d) {
        group.members.chunks(d).for_each(|m| groups.entry(sorted_key(m)).or_default().push(g));
    }
    let any_periodic = periodic.iter().any(|&p| p);
    let all = boundary_facets(mesh);
    let kept = all.chunks(d).filter(|f| !(any_periodic && on_periodic_side(mesh, f, periodic)));
    let facet = |f: &[u32]| {
        let p = |i: usize| Vec3::from(mesh.points[f[i] as usize]);
        let normal = match d {
            1 => Vec3::x(),
            2 => Vec3::new((p(1) - p(0)).y, -(p(1) - p(0)).x, 0.0).normalize(),
            _ => (p(1) - p(0)).cross(&(p(2) - p(0))).normalize(),
        };
        let corners: Vec<[f64; 3]> = f.iter().map(|&v| mesh.points[v as usize]).collect();
        let mut points = [f[0]; 3];
        points[..d].copy_from_slice(f);
        let groups = groups.get(&sorted_key(f)).cloned().unwrap_or_default();
        Facet { points, normal: normal.into(), measure: simplex_measure(&corners), groups }
    };
    kept.map(facet).collect()
}

/// The different normals at a node, or none where it must stay for another reason than their number.
fn normals(facets: &[Facet], around: &[usize], smooth: bool) -> Option<Vec<Vec3>> {
    let alike = if smooth { SMOOTH_DEGREES.to_radians().cos() } else { 1.0 - PARALLEL };
    let mut found: Vec<(Vec3, Vec3, &[usize])> = Vec::new(); // first normal, sum of normals, groups
    for &f in around {
        let (normal, groups) = (Vec3::from(facets[f].normal), facets[f].groups.as_slice());
        match found.iter_mut().find(|(first, ..)| first.dot(&normal).abs() > alike) {
            // The tip of a slit, and a border of two groups.
            Some((first, _, of)) if first.dot(&normal) < 0.0 || *of != groups => return None,
            Some((_, sum, _)) => *sum += normal * facets[f].measure,
            None => found.push((normal, normal * facets[f].measure, groups)),
        }
    }
    Some(found.into_iter().map(|(first, sum, _)| if smooth { sum.normalize() } else { first }).collect())
}

/// I − Σ q qᵀ over an orthonormal basis of the normals.
fn tangent_projection(normals: &[Vec3], d: usize) -> [[f64; 3]; 3] {
    let mut basis: Vec<Vec3> = Vec::new();
    for n in normals {
        let rest = basis.iter().fold(*n, |rest, q| rest - q * rest.dot(q));
        // Normals that differ at all count: 0.001 degrees is 2e-5.
        if rest.norm() > 1e-6 {
            basis.push(rest.normalize());
        }
    }
    if basis.len() >= d {
        return [[0.0; 3]; 3];
    }
    let entry = |i: usize, j: usize| {
        let identity = f64::from(u8::from(i == j && i < d));
        let value = identity - basis.iter().map(|q| q[i] * q[j]).sum::<f64>();
        if value.abs() < 1e-15 { 0.0 } else { value }
    };
    std::array::from_fn(|i| std::array::from_fn(|j| entry(i, j)))
}

/// Points that keep their place whatever the boundary: between cell groups, and those of groups of points, of curves in space, and
/// of facets inside.
fn held_inside(mesh: &Mesh) -> Vec<u32> {
    let d = mesh.dimension();
    let mut out = Vec::new();
    let mut of_cells = vec![0u64; mesh.cell_count()];
    for (g, group) in mesh.groups.iter().filter(|g| g.dimension == d).enumerate() {
        group.members.iter().for_each(|&c| of_cells[c as usize] |= 1 << (g % 64));
    }
    let mut of_points: Vec<Option<u64>> = vec![None; mesh.points.len()];
    for c in 0..mesh.cell_count() {
        for &v in mesh.cell(c) {
            let seen = of_points[v as usize].get_or_insert(of_cells[c]);
            if *seen != of_cells[c] {
                out.push(v);
            }
        }
    }
    let lower = mesh.groups.iter().filter(|g| g.dimension + 1 < d);
    out.extend(lower.flat_map(|g| &g.members));
    let mut outer = Vec::new();
    for group in mesh.groups.iter().filter(|g| g.dimension + 1 == d) {
        if outer.is_empty() {
            outer = boundary_facets(mesh).chunks(d).map(sorted_key).collect();
            outer.sort_unstable();
        }
        let inner = group.members.chunks(d).filter(|m| outer.binary_search(&sorted_key(m)).is_err());
        out.extend(inner.flatten());
    }
    out.sort_unstable();
    out.dedup();
    out
}

/// Degrees of freedom: one for each point, or for each set of points that are one across the periods.
fn identify(mesh: &Mesh, periodic: [bool; 3]) -> Result<Vec<u32>> {
    let mut twin: Vec<u32> = (0..mesh.points.len() as u32).collect();
    let (bounds, size) = (mesh.bounds(), mesh.bounds().size());
    for k in (0..3).filter(|&k| periodic[k]) {
        if k >= mesh.dimension() {
            let (value, what) = (["x", "y", "z"][k].into(), "the mesh does not extend in that direction".into());
            return Err(Error::Option { option: "periodic".into(), value, what });
        }
        let on = |at: f64| move |v: &u32| (mesh.points[*v as usize][k] - at).abs() <= MATCH * size;
        let side = |at: f64| (0..mesh.points.len() as u32).filter(on(at)).collect::<Vec<u32>>();
        let (low, high) = (side(bounds.min[k]), side(bounds.max[k]));
        if low.len().min(high.len()) < mesh.dimension() {
            let axis = ["x", "y", "z"][k];
            return Err(Error::Mesh {
                what: format!("periodic in {axis}: there are no flat sides across {axis} at both ends"),
                help: "a mesh is periodic where two opposite sides are alike".into(),
            });
        }
        // Buckets of ten times the tolerance: a partner is in the same or a neighbouring one.
        let bucket = |v: u32| mesh.points[v as usize].map(|x| (x / (10.0 * MATCH * size)).round() as i64);
        let [i, j] = [(k + 1) % 3, (k + 2) % 3];
        let buckets: HashMap<[i64; 2], u32> = low.iter().map(|&v| ([bucket(v)[i], bucket(v)[j]], v)).collect();
        let mut map: Vec<u32> = (0..mesh.points.len() as u32).collect();
        for &v in &high {
            let b = bucket(v);
            let near = (-1..=1).flat_map(|s| (-1..=1).map(move |t| [b[i] + s, b[j] + t]));
            match near.filter_map(|key| buckets.get(&key)).next() {
                Some(&partner) if low.len() == high.len() => map[v as usize] = partner,
                _ => {
                    return Err(Error::Mesh {
                        what: format!(
                            "periodic in {}: the point {:?} has no partner on the opposite side",
                            ["x", "y", "z"][k],
                            mesh.points[v as usize]
                        ),
                        help: "make both sides with the same nodes".into(),
                    });
                }
            }
        }
        twin.iter_mut().for_each(|v| *v = map[*v as usize]);
    }
    let mut number = vec![u32::MAX; mesh.points.len()];
    let mut next = 0;
    let mut dof = |root: u32| {
        let slot = &mut number[root as usize];
        if *slot == u32::MAX {
            *slot = next;
            next += 1;
        }
        *slot
    };
    Ok(twin.iter().map(|&root| dof(root)).collect())
}

/// The point of a segment (d = 2) or triangle (d = 3) nearest to p.
fn nearest_in(p: Vec3, corners: &[Vec3; 3], d: usize) -> Vec3 {
    let on_segment = |a: Vec3, b: Vec3| {
        let e = b - a;
        a + e * ((p - a).dot(&e) / e.norm_squared()).clamp(0.0, 1.0)
    };
    let [a, b, c] = *corners;
    if d == 2 {
        return on_segment(a, b);
    }
    let normal = (b - a).cross(&(c - a));
    let foot = p - normal * ((p - a).dot(&normal) / normal.norm_squared());
    let left_of = |u: Vec3, v: Vec3| (v - u).cross(&(foot - u)).dot(&normal) >= 0.0;
    if left_of(a, b) && left_of(b, c) && left_of(c, a) {
        return foot;
    }
    let edges = [on_segment(a, b), on_segment(b, c), on_segment(c, a)];
    edges.into_iter().min_by(|u, v| (u - p).norm().total_cmp(&(v - p).norm())).unwrap_or(foot)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mesh::shapes::built_in;

    fn moving(name: &str, config: &BoundaryConfig) -> (usize, usize) {
        let mesh = built_in(name).unwrap().unwrap();
        let boundary = Boundary::new(&mesh, config).unwrap();
        let slides = boundary.held.iter().filter(|h| h.1 != [[0.0; 3]; 3]).count();
        (boundary.held.len(), slides)
    }

    #[test]
    fn nodes_slide_on_sides_and_edges_and_corners_stay() {
        let any = BoundaryConfig::default();
        assert_eq!(moving("interval:9", &any), (2, 0));
        assert_eq!(moving("square:5", &any), (20, 16));
        assert_eq!(moving("cube:3", &any), (56, 48));
        assert_eq!(moving("l_shape:3", &any), (24, 18));
        assert_eq!(moving("disc:4", &any), (24, 0));
        let curved = BoundaryConfig { curved: vec!["boundary".into()], ..any.clone() };
        assert_eq!(moving("disc:4", &curved), (24, 24));
        let fixed = BoundaryConfig { fixed: vec!["left".into()], ..any.clone() };
        assert_eq!(moving("square:5", &fixed), (20, 12));
        let periodic = BoundaryConfig { periodic: [true, false, false], ..any.clone() };
        assert_eq!(moving("square:5", &periodic), (10, 10));
        assert_eq!(moving("square:5", &BoundaryConfig { periodic: [true, true, false], ..any }), (0, 0));
    }

    #[test]
    fn what_cannot_be_is_refused() {
        let disc = built_in("disc:4").unwrap().unwrap();
        let refused = |config| Boundary::new(&disc, &config).unwrap_err().to_string();
        let sliding = BoundaryConfig { sliding: vec!["boundary".into()], ..Default::default() };
        assert!(refused(sliding).contains("no straight piece"));
        let unknown = BoundaryConfig { fixed: vec!["left".into()], ..Default::default() };
        assert!(refused(unknown).contains("no group \"left\""));
        let periodic = BoundaryConfig { periodic: [false, false, true], ..Default::default() };
        assert!(refused(periodic).contains("periodic z"));
        let periodic = BoundaryConfig { periodic: [true, false, false], ..Default::default() };
        assert!(refused(periodic).contains("no flat sides across x"));
    }
}
