//! Copies between this machine's memory and the device by way of pinned memory, which the device reads and writes itself.
//!
//! Data go in pieces through two halves: while the device copies one, the processor fills or empties the other. A copy to the
//! device is done with the caller's memory when it returns, and the device may still be copying; work asked for after it on the
//! stream waits for that.

use super::buffer::{Buffer, Number};
use cudarc::driver::{CudaEvent, CudaStream, DevicePtr, DevicePtrMut, DriverError, PinnedHostSlice, result};
use std::sync::Arc;

/// Bytes of a half: enough that a copy takes longer than to ask for it.
const HALF: usize = 1 << 22;

/// Two halves of pinned memory.
pub(super) struct Staging {
    stream: Arc<CudaStream>,
    halves: [Half; 2],
}

/// A half, and the end of its last copy. The slice has an event of its own, but cudarc records none where, as here, a context's events are
/// not tracked.
struct Half {
    memory: PinnedHostSlice<u8>,
    done: CudaEvent,
}

impl Half {
    fn new(stream: &CudaStream) -> Result<Self, DriverError> {
        // SAFETY: it is filled before it is looked at.
        let memory = unsafe { stream.context().alloc_pinned_with_flags(HALF, 0) }?;
        Ok(Half { memory, done: stream.context().new_event(None)? })
    }

    /// The memory, once its last copy has ended.
    fn memory(&mut self) -> Result<&mut [u8], DriverError> {
        self.done.synchronize()?;
        self.memory.as_mut_slice()
    }
}

impl Staging {
    pub fn new(stream: Arc<CudaStream>) -> Result<Self, DriverError> {
        Ok(Staging { halves: [Half::new(&stream)?, Half::new(&stream)?], stream })
    }

    /// `to` <- `from`, of the same length.
    pub fn up<T: Number>(&mut self, from: &[T], to: &mut Buffer<T>) -> Result<(), DriverError> {
        let Staging { stream, halves } = self;
        let (start, _order) = to.slice_mut().device_ptr_mut(stream);
        // SAFETY: a number is its bytes.
        let bytes = unsafe { std::slice::from_raw_parts(from.as_ptr().cast::<u8>(), size_of_val(from)) };
        for (k, bytes) in bytes.chunks(HALF).enumerate() {
            let half = &mut halves[k % 2];
            let memory = &mut half.memory()?[..bytes.len()];
            memory.copy_from_slice(bytes);
            // SAFETY: the memory is not touched before the copy has ended, and the buffer is as long as `from`.
            unsafe { result::memcpy_htod_async(start + (k * HALF) as u64, memory, stream.cu_stream()) }?;
            half.done.record(stream)?;
        }
        Ok(())
    }

    /// `to` <- `from`, of the same length, once all work asked for is done.
    pub fn down<T: Number>(&mut self, from: &Buffer<T>, to: &mut [T]) -> Result<(), DriverError> {
        let Staging { stream, halves } = self;
        let (start, _order) = from.slice().device_ptr(stream);
        let length = size_of_val(to);
        // SAFETY: a number is its bytes, and any bits are a number.
        let bytes = unsafe { std::slice::from_raw_parts_mut(to.as_mut_ptr().cast::<u8>(), length) };
        let pieces = length.div_ceil(HALF);
        for k in 0..=pieces {
            if k < pieces {
                let half = &mut halves[k % 2];
                let memory = &mut half.memory()?[..HALF.min(length - k * HALF)];
                // SAFETY: as above.
                unsafe { result::memcpy_dtoh_async(memory, start + (k * HALF) as u64, stream.cu_stream()) }?;
                half.done.record(stream)?;
            }
            if let Some(last) = k.checked_sub(1) {
                let to = &mut bytes[last * HALF..length.min(k * HALF)];
                to.copy_from_slice(&halves[last % 2].memory()?[..to.len()]);
            }
        }
        Ok(())
    }
}
