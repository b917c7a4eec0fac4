//! Writing MSH 4.1.

use std::collections::HashMap;
use std::io::{self, Write};
use std::path::Path;

use super::kinds::simplex_type;
use crate::error::Result;
use crate::file::write_atomic;
use crate::mesh::{Group, Mesh};

/// How numbers are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Encoding {
    /// As text that any editor shows; every number reads back exactly.
    #[default]
    Text,
    /// As bytes: faster to read, and smaller for large meshes.
    Binary,
}

/// Writes a mesh with its groups as MSH 4.1. Groups become physical groups; elements are stored group by group, so that cells
/// may come back in another order.
pub fn write_msh(path: &Path, mesh: &Mesh, encoding: Encoding) -> Result<()> {
    let entities = entities(mesh);
    write_atomic(path, |file| {
        let mut sink = Sink { file, binary: encoding == Encoding::Binary, first: true };
        sink.head()?;
        sink.names(&mesh.groups)?;
        sink.entities(mesh, &entities)?;
        sink.nodes(mesh, &entities)?;
        sink.elements(&entities)
    })
}

/// Elements of one dimension with the same physical tags.
struct Entity {
    dimension: usize,
    tag: i32,
    physical: Vec<i32>,
    /// Flat, `dimension + 1` vertices each.
    vertices: Vec<u32>,
}

/// The mesh's elements by dimension and set of groups; a point is an entity of its own.
fn entities(mesh: &Mesh) -> Vec<Entity> {
    let mut entities = Vec::new();
    for dimension in 0..=mesh.dimension() {
        let groups: Vec<&Group> = mesh.groups.iter().filter(|g| g.dimension == dimension).collect();
        let width = dimension + 1;
        let (vertices, members) = if dimension == mesh.dimension() {
            (mesh.cells.clone(), groups.iter().map(|g| g.members.clone()).collect())
        } else {
            distinct(&groups, width)
        };
        let (classes, sets) = classes(vertices.len() / width, &members);
        let first = entities.len();
        if dimension > 0 {
            let tags = |set: &Vec<usize>| set.iter().map(|&g| groups[g].tag).collect();
            let entity = |(i, set)| Entity { dimension, tag: i as i32 + 1, physical: tags(set), vertices: Vec::new() };
            entities.extend(sets.iter().enumerate().map(entity));
        }
        for (i, (simplex, &class)) in vertices.chunks_exact(width).zip(&classes).enumerate() {
            if dimension > 0 {
                entities[first + class as usize].vertices.extend_from_slice(simplex);
            } else {
                let physical = sets[class as usize].iter().map(|&g| groups[g].tag).collect();
                entities.push(Entity { dimension, tag: i as i32 + 1, physical, vertices: simplex.to_vec() });
            }
        }
    }
    entities.retain(|e| !e.vertices.is_empty());
    entities
}

/// The different simplices of some groups, and the numbers of each group's among them.
fn distinct(groups: &[&Group], width: usize) -> (Vec<u32>, Vec<Vec<u32>>) {
    let mut vertices: Vec<u32> = Vec::new();
    let mut numbers: HashMap<Vec<u32>, u32> = HashMap::new();
    let members = groups.iter().map(|group| {
        let number = |simplex: &[u32]| {
            let mut key = simplex.to_vec();
            key.sort_unstable();
            let next = numbers.len() as u32;
            *numbers.entry(key).or_insert_with(|| {
                vertices.extend_from_slice(simplex);
                next
            })
        };
        group.members.chunks_exact(width).map(number).collect()
    });
    let members = members.collect();
    (vertices, members)
}

/// Parts `count` elements by the set of groups they are in: each element's class, and each class's groups.
fn classes(count: usize, members: &[Vec<u32>]) -> (Vec<u32>, Vec<Vec<usize>>) {
    let (mut classes, mut sets) = (vec![0_u32; count], vec![Vec::new()]);
    for (g, members) in members.iter().enumerate() {
        // The class that a class's elements move to when they are in this group too.
        let mut refined: HashMap<u32, u32> = HashMap::new();
        for &m in members {
            let class = classes[m as usize];
            if sets[class as usize].last() == Some(&g) {
                continue;
            }
            classes[m as usize] = *refined.entry(class).or_insert_with(|| {
                let set = [sets[class as usize].as_slice(), &[g]].concat();
                sets.push(set);
                sets.len() as u32 - 1
            });
        }
    }
    (classes, sets)
}

/// Numbers on their way into the file.
struct Sink<'a, W: Write> {
    file: &'a mut W,
    binary: bool,
    /// Nothing stands on the line yet.
    first: bool,
}

impl<W: Write> Sink<'_, W> {
    fn separate(&mut self) -> io::Result<()> {
        if self.first {
            self.first = false;
            return Ok(());
        }
        self.file.write_all(b" ")
    }

    fn int(&mut self, value: i32) -> io::Result<()> {
        if self.binary {
            return self.file.write_all(&value.to_ne_bytes());
        }
        self.separate()?;
        write!(self.file, "{value}")
    }

    fn size(&mut self, value: usize) -> io::Result<()> {
        if self.binary {
            return self.file.write_all(&(value as u64).to_ne_bytes());
        }
        self.separate()?;
        write!(self.file, "{value}")
    }

    fn reals(&mut self, values: &[f64]) -> io::Result<()> {
        for value in values {
            if self.binary {
                self.file.write_all(&value.to_ne_bytes())?;
            } else {
                self.separate()?;
                write!(self.file, "{value:?}")?;
            }
        }
        Ok(())
    }

    /// Ends a line of text.
    fn line(&mut self) -> io::Result<()> {
        self.first = true;
        if self.binary { Ok(()) } else { self.file.write_all(b"\n") }
    }

    /// Ends a section.
    fn end(&mut self, name: &str) -> io::Result<()> {
        let newline = if self.binary { "\n" } else { "" };
        writeln!(self.file, "{newline}$End{name}")
    }

    fn head(&mut self) -> io::Result<()> {
        writeln!(self.file, "$MeshFormat\n4.1 {} 8", u8::from(self.binary))?;
        if self.binary {
            self.int(1)?;
        }
        self.end("MeshFormat")
    }

    /// Names that are more than the tag.
    fn names(&mut self, groups: &[Group]) -> io::Result<()> {
        let named: Vec<&Group> = groups.iter().filter(|g| g.name != g.tag.to_string()).collect();
        if named.is_empty() {
            return Ok(());
        }
        writeln!(self.file, "$PhysicalNames\n{}", named.len())?;
        for group in named {
            let name = group.name.replace(char::is_control, " ");
            writeln!(self.file, "{} {} \"{name}\"", group.dimension, group.tag)?;
        }
        writeln!(self.file, "$EndPhysicalNames")
    }

    fn entities(&mut self, mesh: &Mesh, entities: &[Entity]) -> io::Result<()> {
        writeln!(self.file, "$Entities")?;
        for dimension in 0..=3 {
            self.size(entities.iter().filter(|e| e.dimension == dimension).count())?;
        }
        self.line()?;
        for entity in entities {
            self.int(entity.tag)?;
            let (mut low, mut high) = ([f64::INFINITY; 3], [f64::NEG_INFINITY; 3]);
            for &v in &entity.vertices {
                for (i, &x) in mesh.points[v as usize].iter().enumerate() {
                    (low[i], high[i]) = (low[i].min(x), high[i].max(x));
                }
            }
            self.reals(&low)?;
            if entity.dimension > 0 {
                self.reals(&high)?;
            }
            self.size(entity.physical.len())?;
            entity.physical.iter().try_for_each(|&tag| self.int(tag))?;
            if entity.dimension > 0 {
                // Bounding entities.
                self.size(0)?;
            }
            self.line()?;
        }
        self.end("Entities")
    }

    /// All nodes, as if they were on the first entity with cells.
    fn nodes(&mut self, mesh: &Mesh, entities: &[Entity]) -> io::Result<()> {
        let n = mesh.points.len();
        let entity = entities.iter().find(|e| e.dimension == mesh.dimension()).map_or(1, |e| e.tag);
        writeln!(self.file, "$Nodes")?;
        for value in [1, n, 1, n] {
            self.size(value)?;
        }
        self.line()?;
        for value in [mesh.dimension() as i32, entity, 0] {
            self.int(value)?;
        }
        self.size(n)?;
        self.line()?;
        for tag in 1..=n {
            self.size(tag)?;
            self.line()?;
        }
        for point in &mesh.points {
            self.reals(point)?;
            self.line()?;
        }
        self.end("Nodes")
    }

    fn elements(&mut self, entities: &[Entity]) -> io::Result<()> {
        let n = entities.iter().map(|e| e.vertices.len() / (e.dimension + 1)).sum();
        writeln!(self.file, "$Elements")?;
        for value in [entities.len(), n, 1, n] {
            self.size(value)?;
        }
        self.line()?;
        let mut tag = 0;
        for entity in entities {
            for value in [entity.dimension as i32, entity.tag, simplex_type(entity.dimension)] {
                self.int(value)?;
            }
            self.size(entity.vertices.len() / (entity.dimension + 1))?;
            self.line()?;
            for simplex in entity.vertices.chunks_exact(entity.dimension + 1) {
                tag += 1;
                self.size(tag)?;
                simplex.iter().try_for_each(|&v| self.size(v as usize + 1))?;
                self.line()?;
            }
        }
        self.end("Elements")
    }
}
