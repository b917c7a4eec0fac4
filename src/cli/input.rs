//! Where a mesh comes from: a file, or a built-in shape such as `square:20`.

use crate::assembly::System;
#[cfg(feature = "cuda")]
use crate::dcdm::CudaNetDirection;
use crate::dcdm::{self, NetDirection, cycle_parameters, shipped_cycle};
use crate::device::Device;
#[cfg(feature = "cuda")]
use crate::device::cuda::Cuda;
use crate::error::{Error, Result};
use crate::mesh::io::{self, MeshFile};
use crate::mesh::shapes;
use crate::nn::{Weights, parse_weights, read_weights};
use crate::precond::voxel::CycleParameters;
use crate::solver::{Method, SceneSolver, Solver, SolverConfig};
use crate::voxel::{self, Family, Scene, VoxelGrid};
use crate::words::nearest;
use std::path::Path;

/// What `--help` says of every MESH argument.
pub(super) const MESH_HELP: &str = "Mesh file (.msh, .vtk, .vtu) or built-in shape (interval:N, square:N, cube:N, disc:N, annulus:N, l_shape:N, ball:N, graded_square:N)";

/// What `--help` says of scenes.
pub(super) const SCENE_HELP: &str = ".h5, DCDM's .bin, or built-in smoke:N, dam:N, splash:N, walls:N, pockets:N, channels:N, box:N, empty:N; N, N0xN1xN2 or N0xN1 cells";

/// Whether the name is a voxel scene's: a file, or a built-in one.
pub(super) fn is_scene(name: &str) -> bool {
    let ending = Path::new(name).extension().is_some_and(|e| e == "h5" || e == "hdf5" || e == "bin");
    ending || Family::ALL.iter().any(|f| name.split_once(':').is_some_and(|(family, _)| family == f.name()))
}

/// Reads or makes the scene.
pub(super) fn load_scene(name: &str, seed: u64) -> Result<Scene> {
    voxel::built_in(name, seed).unwrap_or_else(|| voxel::read(name))
}

/// The weights of a file, or those of the direction net that come with filet.
fn load_weights(path: Option<&Path>) -> Result<Weights> {
    match path {
        Some(path) => read_weights(path),
        None => parse_weights("the shipped direction net", dcdm::SHIPPED),
    }
}

/// Sets up the method on the grid and the device; nets take the weights of a file, or those that come with filet.
pub(super) fn scene_solver(
    config: &SolverConfig,
    grid: &VoxelGrid,
    weights: Option<&Path>,
    device: Device,
) -> Result<SceneSolver> {
    match (device, config.method) {
        #[cfg(feature = "cuda")]
        (Device::Cuda, method) => {
            let cuda = Cuda::open()?;
            match method {
                Method::Dcdm => SceneSolver::with_cuda_parameters(&config.stop, grid, &cuda, &load_cycle(weights)?),
                Method::DcdmNet => {
                    let directions = CudaNetDirection::new(&cuda, &load_weights(weights)?, grid)?;
                    SceneSolver::with_cuda_directions(&config.stop, grid, &cuda, Box::new(directions))
                }
                _ => SceneSolver::on_cuda(config, grid, &cuda),
            }
        }
        #[cfg(not(feature = "cuda"))]
        (Device::Cuda, _) => Err(Device::not_built()),
        (Device::Cpu, Method::Dcdm) => SceneSolver::with_parameters(&config.stop, grid, &load_cycle(weights)?),
        (Device::Cpu, Method::DcdmNet) => {
            let directions = NetDirection::new(&load_weights(weights)?, grid)?;
            SceneSolver::with_directions(&config.stop, grid, Box::new(directions))
        }
        (Device::Cpu, _) => SceneSolver::new(config, grid),
    }
}

/// The numbers of a file of weights, or those of the cycle that comes with filet.
fn load_cycle(path: Option<&Path>) -> Result<CycleParameters> {
    path.map_or_else(|| Ok(shipped_cycle()), |path| cycle_parameters(&read_weights(path)?))
}

/// Sets up the method for the system of a problem on a mesh; the grid of `dcdm` has the numbers of a file, or those of analysis:
/// numbers learned on scenes are no better behind meshes (docs/dcdm.md).
pub(super) fn mesh_solver(
    config: &SolverConfig,
    system: &System,
    weights: Option<&Path>,
    device: Device,
) -> Result<Solver> {
    match device {
        Device::Cpu => {
            let parameters = weights.map_or_else(|| Ok(CycleParameters::default()), |path| load_cycle(Some(path)))?;
            config.build_on(system, &parameters)
        }
        #[cfg(feature = "cuda")]
        Device::Cuda => config.build_on_cuda(&system.a, &Cuda::open()?),
        #[cfg(not(feature = "cuda"))]
        Device::Cuda => Err(Device::not_built()),
    }
}

/// Refuses a name that is neither a file's nor of the form of a built-in mesh or scene, with what may be meant.
pub(super) fn check_name(name: &str) -> Result<()> {
    let path = Path::new(name);
    let (head, size) = name.split_once(':').unwrap_or((name, ""));
    let known: Vec<&str> = shapes::names().chain(Family::ALL.map(Family::name)).collect();
    let is_known = known.contains(&head);
    // What looks like a path is read, and not found then.
    if path.exists() || (is_known && !size.is_empty()) || (path.extension().is_some() && !name.contains(':')) {
        return Ok(());
    }
    let size = if size.is_empty() { "20" } else { size };
    let what = match (is_known, nearest(head, known.iter().copied())) {
        (true, _) => format!("it needs a size, such as {head}:{size}"),
        (_, Some(near)) => format!("there is no such file, shape or scene; did you mean {near}:{size}?"),
        _ => format!("there is no such file, shape or scene; built in are {}", known.join(", ")),
    };
    Err(Error::Option { option: "mesh".into(), value: name.into(), what })
}

/// Refuses a seed where nothing is made from it.
pub(super) fn check_seed(name: &str, seed: u64) -> Result<()> {
    let is_made = Family::ALL.iter().any(|f| name.split_once(':').is_some_and(|(family, _)| family == f.name()));
    match seed == 0 || is_made {
        true => Ok(()),
        false => Err(Error::Option {
            option: "--seed".into(),
            value: seed.to_string(),
            what: format!("only built-in voxel scenes are made from a seed, and {name} is none"),
        }),
    }
}

/// Reads or makes the mesh, refined `refine` times.
pub(super) fn load(mesh: &str, refine: u32) -> Result<MeshFile> {
    check_name(mesh)?;
    if is_scene(mesh) {
        let what = "this is a voxel scene, and a mesh is wanted here".into();
        return Err(Error::Option { option: "mesh".into(), value: mesh.into(), what });
    }
    let mut file = match shapes::built_in(mesh) {
        Some(made) => made?.into(),
        None => io::read(mesh)?,
    };
    let cells = 2f64.powi(file.mesh.dimension() as i32).powf(f64::from(refine)) * file.mesh.cell_count() as f64;
    if cells > shapes::MOST_CELLS as f64 {
        let what = format!("that would be {cells:.1e} cells; the most is {}; refine fewer times", shapes::MOST_CELLS);
        return Err(Error::Option { option: "--refine".into(), value: refine.to_string(), what });
    }
    for _ in 0..refine {
        file.mesh = crate::mesh::refine(&file.mesh)?;
        // Fields belong to the mesh as read.
        file.point_data.clear();
        file.cell_data.clear();
    }
    Ok(file)
}
