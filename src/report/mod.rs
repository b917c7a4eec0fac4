//! What people look at: pictures, text tables, numbers written for reading.

pub mod format;
pub mod plot;
pub mod table;
