//! Memory of one GPU: what the driver's pool has handed out to candle, and what is free besides.

use std::ffi::c_void;
use std::sync::Arc;

use candle_core::CudaDevice;
use candle_core::cuda_backend::cudarc::driver::sys::CUmemPool_attribute;
use candle_core::cuda_backend::cudarc::driver::{CudaContext, result, sys};

/// The default pool of a GPU, which candle's tensors come from.
pub(in crate::engine) struct Pool {
    context: Arc<CudaContext>,
}

impl Pool {
    pub(super) fn of(device: &CudaDevice) -> Self {
        Self { context: Arc::clone(device.cuda_stream().context()) }
    }

    /// A refusal leaves the peak as it was, which is still an upper bound.
    pub(super) fn reset_peak(&self) {
        let (Some(pool), mut zero) = (self.pool(), 0_u64) else { return };
        let high = CUmemPool_attribute::CU_MEMPOOL_ATTR_USED_MEM_HIGH;
        // SAFETY: the pool lives as long as the device; this attribute is a u64.
        let _ = unsafe { sys::cuMemPoolSetAttribute(pool, high, (&raw mut zero).cast::<c_void>()) };
    }

    /// A refusal leaves the pool as large as it was.
    pub(super) fn release_unused(&self) {
        // Memory that a kernel still works on is not given back.
        let Ok(()) = self.context.synchronize() else { return };
        if let Some(pool) = self.pool() {
            // SAFETY: the pool lives as long as the device.
            let _ = unsafe { sys::cuMemPoolTrimTo(pool, 0) };
        }
    }

    pub(super) fn peak_bytes(&self) -> Option<u64> {
        self.attribute(CUmemPool_attribute::CU_MEMPOOL_ATTR_USED_MEM_HIGH)
    }

    pub(super) fn in_use_bytes(&self) -> Option<u64> {
        self.attribute(CUmemPool_attribute::CU_MEMPOOL_ATTR_USED_MEM_CURRENT)
    }

    /// What the driver has, and what the pool keeps but nobody uses.
    pub(super) fn free_bytes(&self) -> Option<u64> {
        self.context.bind_to_thread().ok()?;
        let (free, _) = result::mem_get_info().ok()?;
        let kept = self.attribute(CUmemPool_attribute::CU_MEMPOOL_ATTR_RESERVED_MEM_CURRENT)?;
        Some(free as u64 + kept.saturating_sub(self.in_use_bytes()?))
    }

    fn attribute(&self, attribute: CUmemPool_attribute) -> Option<u64> {
        let (pool, mut value) = (self.pool()?, 0_u64);
        // SAFETY: the pool lives as long as the device; these attributes are u64s.
        let status = unsafe {
            sys::cuMemPoolGetAttribute(pool, attribute, (&raw mut value).cast::<c_void>())
        };
        status.result().ok().map(|()| value)
    }

    fn pool(&self) -> Option<sys::CUmemoryPool> {
        self.context.bind_to_thread().ok()?;
        let mut pool = std::ptr::null_mut();
        // SAFETY: the context's device exists.
        let status =
            unsafe { sys::cuDeviceGetDefaultMemPool(&raw mut pool, self.context.cu_device()) };
        status.result().ok().map(|()| pool)
    }
}
