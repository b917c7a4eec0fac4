//! What people look at: pictures, text tables, numbers written for reading.
//!
//! ```
//! use filet::report::plot::{self, Curve, CurvesPlot};
//! use filet::report::table::Table;
//!
//! let residuals: Vec<f64> = (0..12).map(|k| 0.2f64.powi(k)).collect();
//! let mut table = Table::new(&["iteration", "residual"]);
//! residuals.iter().enumerate().for_each(|(k, r)| {
//!     table.row([k.to_string(), format!("{r:.1e}")]);
//! });
//! println!("{table}");
//! let path = std::env::temp_dir().join("filet_residuals.svg"); // or .png
//! plot::curves(&path, &[Curve::history("pcg-amg", residuals)], &CurvesPlot::default())?;
//! # Ok::<(), filet::Error>(())
//! ```

pub mod format;
pub mod heap;
pub mod memory;
pub mod plot;
pub mod solution_file;
pub mod statistics;
pub mod table;
mod xdmf;

pub use xdmf::write_xdmf;
