//! Numbers on the device, from a pool that keeps what is given back, and kernel arguments.

use super::fault;
use crate::error::{Error, Result};
use cudarc::driver::{CudaSlice, CudaStream, DevicePtr, DeviceRepr, ValidAsZeroBits, sys};
use std::collections::HashMap;
use std::marker::PhantomData;
use std::sync::{Arc, Mutex, PoisonError};

/// A type of number that kernels know.
pub trait Number: DeviceRepr + ValidAsZeroBits + Copy + 'static {
    /// A pointer to it in a kernel's declaration.
    const POINTER: &'static str;
}

impl Number for f32 {
    const POINTER: &'static str = "float*";
}

impl Number for f64 {
    const POINTER: &'static str = "double*";
}

impl Number for i32 {
    const POINTER: &'static str = "int*";
}

impl Number for u8 {
    const POINTER: &'static str = "byte*";
}

/// Memory given back, by its length in bytes.
pub(super) struct Pool {
    stream: Arc<CudaStream>,
    free: Mutex<HashMap<usize, Vec<sys::CUdeviceptr>>>,
}

impl Pool {
    pub fn new(stream: Arc<CudaStream>) -> Self {
        Pool { stream, free: Mutex::default() }
    }

    /// `len` numbers of any value.
    pub fn take<T: Number>(self: &Arc<Self>, len: usize) -> Result<Buffer<T>> {
        // The driver gives no empty memory.
        let room = len.max(1);
        let bytes = room * size_of::<T>();
        let again = self.free.lock().unwrap_or_else(PoisonError::into_inner).get_mut(&bytes).and_then(Vec::pop);
        let slice = match again {
            // SAFETY: the memory has this length, and any bits are a number.
            Some(at) => unsafe { self.stream.upgrade_device_ptr(at, room) },
            // SAFETY: any bits are a number.
            None => unsafe { self.stream.alloc(room) }.map_err(|e| self.no_room(bytes, e))?,
        };
        Ok(Buffer { slice: Some(slice), len, pool: self.clone() })
    }

    fn no_room(&self, bytes: usize, error: cudarc::driver::DriverError) -> Error {
        let free = self.stream.context().mem_get_info().map_or(0, |(free, _)| free);
        let mb = |bytes: usize| bytes as f64 / 1e6;
        fault(&format!("cannot get {:.1} MB on the device, {:.1} MB are free", mb(bytes), mb(free)), error)
    }
}

impl Drop for Pool {
    fn drop(&mut self) {
        let free = self.free.get_mut().unwrap_or_else(PoisonError::into_inner);
        for at in free.drain().flat_map(|(_, all)| all) {
            // SAFETY: nobody else has it; dropping the slice frees it.
            drop(unsafe { self.stream.upgrade_device_ptr::<u8>(at, 1) });
        }
    }
}

/// Numbers on the device; their memory goes back to the pool.
pub struct Buffer<T: Number> {
    slice: Option<CudaSlice<T>>,
    len: usize,
    pool: Arc<Pool>,
}

impl<T: Number> Buffer<T> {
    /// How many there are.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    pub(super) fn slice(&self) -> &CudaSlice<T> {
        self.slice.as_ref().expect("a buffer holds memory until it is dropped")
    }

    pub(super) fn slice_mut(&mut self) -> &mut CudaSlice<T> {
        self.slice.as_mut().expect("a buffer holds memory until it is dropped")
    }

    fn arg(&self, passes: usize) -> Arg<'_> {
        let (at, _order) = self.slice().device_ptr(&self.pool.stream);
        Arg { kind: T::POINTER, bits: at, bytes: passes * self.len * size_of::<T>(), of: PhantomData }
    }

    /// For a `const` parameter.
    pub fn get(&self) -> Arg<'_> {
        self.arg(1)
    }

    /// For a `const` parameter of which the kernel reads `numbers`.
    pub fn get_some(&self, numbers: usize) -> Arg<'_> {
        Arg { bytes: numbers * size_of::<T>(), ..self.arg(1) }
    }

    /// For a parameter of which the kernel reads and writes `numbers`.
    pub fn update_some(&mut self, numbers: usize) -> Arg<'_> {
        Arg { bytes: 2 * numbers * size_of::<T>(), ..self.arg(1) }
    }

    /// For a parameter that the kernel writes to.
    pub fn set(&mut self) -> Arg<'_> {
        self.arg(1)
    }

    /// For a parameter that the kernel reads and writes.
    pub fn update(&mut self) -> Arg<'_> {
        self.arg(2)
    }
}

impl<T: Number> Drop for Buffer<T> {
    fn drop(&mut self) {
        if let Some(slice) = self.slice.take() {
            let bytes = slice.num_bytes();
            let at = slice.leak();
            let mut free = self.pool.free.lock().unwrap_or_else(PoisonError::into_inner);
            free.entry(bytes).or_default().push(at);
        }
    }
}

/// An argument of a kernel.
#[derive(Debug, Clone, Copy)]
pub struct Arg<'a> {
    /// Its type, without `const`.
    pub(super) kind: &'static str,
    /// Its value in the low bytes: kernels take as many as the type has.
    pub(super) bits: u64,
    /// What the kernel reads and writes behind it, each number once.
    pub(super) bytes: usize,
    of: PhantomData<&'a ()>,
}

fn value(kind: &'static str, bits: u64) -> Arg<'static> {
    Arg { kind, bits, bytes: 0, of: PhantomData }
}

/// A number of things.
///
/// # Panics
///
/// Where it does not fit in 32 bits.
pub fn int(n: usize) -> Arg<'static> {
    value("int", i32::try_from(n).expect("a count below 2^31") as u64 & 0xffff_ffff)
}

/// A single-precision number.
pub fn float(v: f32) -> Arg<'static> {
    value("float", u64::from(v.to_bits()))
}

/// A double-precision number.
pub fn real(v: f64) -> Arg<'static> {
    value("double", v.to_bits())
}

/// A buffer for a `const` parameter that the kernel can do without.
pub fn optional<T: Number>(buffer: Option<&Buffer<T>>) -> Arg<'_> {
    buffer.map_or(value(T::POINTER, 0), Buffer::get)
}
