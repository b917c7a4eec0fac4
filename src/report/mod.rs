//! What people look at: pictures, text tables, numbers written for reading.

pub mod format;
pub mod heap;
pub mod memory;
pub mod plot;
pub mod solution_file;
pub mod statistics;
pub mod table;
mod xdmf;

pub use xdmf::write_xdmf;
