//! Kernels of the nets on the CPU.

pub(crate) mod conv;
pub(crate) mod lanes;
