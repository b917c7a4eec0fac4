//! The GPU path, all of it, run without a GPU: a stand-in driver and a stand-in compiler (`standin/`) run the kernels' text on the
//! processor, threads and blocks in random order. Passing here is no evidence that a kernel runs on a GPU, nor how fast.

mod compile;
mod faults;
mod mover;
mod nets;
#[path = "../common/operations.rs"]
mod operations;
mod operators;
mod solves;
mod standin;
mod training;
