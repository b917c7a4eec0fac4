//! `filet mesh info | convert | generate | voxelize`.

use super::outputs::{check_apart, check_ending, check_folder};
use super::{Done, input, print_data, say, scene};
use crate::error::{Error, Result};
use crate::mesh::io::{self, MeshFile};
use crate::mesh::quality::{Defects, Quality, quality};
use crate::report::format::{count, significant};
use clap::{Args, Subcommand};
use std::path::{Path, PathBuf};

/// Look at, convert and make meshes
#[derive(Debug, Subcommand)]
pub(super) enum Mesh {
    Info(Info),
    Convert(Convert),
    Generate(Generate),
    Voxelize(scene::VoxelizeArgs),
}

/// Size, quality, groups and defects of a mesh
#[derive(Debug, Args)]
pub(super) struct Info {
    #[arg(value_name = "MESH", help = format!("{}; or voxel scene ({})", input::MESH_HELP, input::SCENE_HELP))]
    mesh: String,

    /// Seed of a built-in voxel scene
    #[arg(long, value_name = "N", default_value_t = 0)]
    seed: u64,

    /// Draw a slice of a voxel scene (.png, .svg)
    #[arg(long, value_name = "FILE")]
    plot: Option<PathBuf>,

    /// Print one JSON object on stdout
    #[arg(long)]
    json: bool,
}

/// Write a mesh in another format, split into simplices
#[derive(Debug, Args)]
pub(super) struct Convert {
    #[arg(value_name = "MESH", help = input::MESH_HELP)]
    mesh: String,

    /// The file to write (.vtu, or .msh: MSH 4.1)
    #[arg(value_name = "FILE")]
    output: PathBuf,

    /// Refine uniformly N times
    #[arg(long, value_name = "N", default_value_t = 0)]
    refine: u32,
}

/// Make a built-in shape or voxel scene
#[derive(Debug, Args)]
pub(super) struct Generate {
    /// interval:N, square:N, cube:N, disc:N, annulus:N, l_shape:N, ball:N, graded_square:N; scenes: smoke:N, dam:N, splash:N, walls:N, pockets:N, channels:N, box:N, empty:N with N, N0xN1xN2 or N0xN1 cells
    #[arg(value_name = "SHAPE")]
    shape: String,

    /// Seed of a scene: the same seed makes the same scene
    #[arg(long, value_name = "N", default_value_t = 0)]
    seed: u64,

    /// The file to write (.vtu, or .msh: MSH 4.1; a scene: .h5)
    #[arg(short, long, value_name = "FILE")]
    output: PathBuf,
}

impl Mesh {
    pub(super) fn run(&self, quiet: bool) -> Result<Done> {
        match self {
            Mesh::Info(info) => info.run(quiet),
            Mesh::Convert(c) => {
                check_folder(&c.output)?;
                check_apart(Some(&c.output), "FILE", &c.mesh)?;
                let file = input::load(&c.mesh, c.refine)?;
                file.notes.iter().for_each(|note| say(quiet, "note", note));
                write(&c.output, &file, quiet)
            }
            Mesh::Voxelize(v) => v.run(quiet),
            Mesh::Generate(g) if input::is_scene(&g.shape) => scene::generate(&g.shape, g.seed, &g.output, quiet),
            Mesh::Generate(g) if Path::new(&g.shape).exists() => Err(Error::Option {
                option: "SHAPE".into(),
                value: g.shape.clone(),
                what: "this is a file; `filet mesh convert` writes it in another format".into(),
            }),
            Mesh::Generate(g) => {
                check_folder(&g.output)?;
                input::check_seed(&g.shape, g.seed)?;
                write(&g.output, &input::load(&g.shape, 0)?, quiet)
            }
        }
    }
}

fn write(path: &Path, file: &MeshFile, quiet: bool) -> Result<Done> {
    io::write(path, file)?;
    let (cells, points) = (file.mesh.cell_count() as u64, file.mesh.points.len() as u64);
    say(
        quiet,
        "wrote",
        format!("{}   {} {}, {} points", path.display(), count(cells), file.mesh.kind.plural(), count(points)),
    );
    Ok(Done::Fully)
}

impl Info {
    fn run(&self, quiet: bool) -> Result<Done> {
        input::check_seed(&self.mesh, self.seed)?;
        check_ending(self.plot.as_deref(), "--plot", &["png", "svg"])?;
        if input::is_scene(&self.mesh) {
            return scene::info(&self.mesh, self.seed, self.plot.as_deref(), self.json, quiet);
        }
        if let Some(path) = &self.plot {
            return Err(Error::Option {
                option: "--plot".into(),
                value: path.display().to_string(),
                what: "only voxel scenes are drawn here; `filet solve --plot` draws a solution on a mesh".into(),
            });
        }
        let file = input::load(&self.mesh, 0)?;
        let q = quality(&file.mesh);
        if self.json {
            let mut object = serde_json::json!({ "command": "mesh info", "input": self.mesh, "notes": file.notes });
            if let (Some(object), serde_json::Value::Object(fields)) = (object.as_object_mut(), serde_json::json!(q)) {
                object.extend(fields);
            }
            print_data(&object.to_string())?;
            return Ok(Done::Fully);
        }
        let say = |what: &str, text: String| say(quiet, what, text);
        let kind = file.mesh.kind.plural();
        say(
            "mesh",
            format!(
                "{}   {}-D, {} {kind}, {} points",
                self.mesh,
                q.dimension,
                count(q.cells as u64),
                count(q.points as u64)
            ),
        );
        file.notes.iter().for_each(|note| say("note", note.clone()));
        describe(&q, &say);
        file.point_data
            .iter()
            .for_each(|f| say("field", format!("\"{}\" on points, {} components", f.name, f.components)));
        file.cell_data
            .iter()
            .for_each(|f| say("field", format!("\"{}\" on cells, {} components", f.name, f.components)));
        Ok(Done::Fully)
    }
}

/// The quality in words.
fn describe(q: &Quality, say: &dyn Fn(&str, String)) {
    let point = |p: [f64; 3]| p.map(significant).join(", ");
    say(
        "extent",
        format!("({}) to ({}), measure {}", point(q.bounds.min), point(q.bounds.max), significant(q.measure)),
    );
    say(
        "edges",
        format!(
            "{}, length {} to {}, mean {}",
            count(q.edges as u64),
            significant(q.min_edge),
            significant(q.max_edge),
            significant(q.mean_edge)
        ),
    );
    if let (Some(low), Some(middle)) = (q.min_angle, q.median_angle) {
        say("angles", format!("smallest {low:.1}°, median {middle:.1}°"));
    }
    if let (Some(high), Some(middle)) = (q.max_aspect, q.median_aspect) {
        say("aspect", format!("largest {}, median {} (1 is regular)", significant(high), significant(middle)));
    }
    let parts = if q.parts == 1 { "one piece".to_string() } else { format!("{} unconnected parts", q.parts) };
    let boundary = count(q.boundary_facets as u64);
    say("boundary", format!("{boundary} facets, {} in no group; {parts}", count(q.ungrouped_boundary_facets as u64)));
    for g in &q.groups {
        let what = ["points", "edges", "triangles", "tetrahedra"][g.dimension.min(3)];
        say(
            "group",
            format!("\"{}\"   {} {what}, measure {}", g.name, count(g.members as u64), significant(g.measure)),
        );
    }
    let defects: [(&str, &Defects); 6] = [
        ("flat cells", &q.flat_cells),
        ("reversed cells", &q.reversed_cells),
        ("folded facets", &q.folded_facets),
        ("branching facets", &q.branching_facets),
        ("duplicate points", &q.duplicate_points),
        ("hanging nodes", &q.hanging_nodes),
    ];
    let found: Vec<_> = defects.iter().filter(|(_, d)| d.count > 0).collect();
    if found.is_empty() && q.loose_points == 0 {
        say("defects", "none".into());
    }
    for (name, d) in found {
        let first = d.first.first().map_or(String::new(), |d| format!(", the first at ({})", point(d.at)));
        say("DEFECT", format!("{} {name}{first}", count(d.count as u64)));
    }
    if q.loose_points > 0 {
        say("DEFECT", format!("{} points belong to no cell", count(q.loose_points as u64)));
    }
}
