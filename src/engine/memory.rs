/*!
Memory in use and its peak: of the GPU that a model is on, or of the process on a CPU.
*/

use candle_core::Device;

use super::EngineError;
use crate::weights::readable_size;

#[cfg(feature = "cuda")]
mod cuda;
mod process;

/// Where memory is counted.
pub(super) enum Meter {
    /// Resident memory of the process.
    Process,
    /// The driver's pool of one GPU.
    #[cfg(feature = "cuda")]
    Cuda(cuda::Pool),
}

impl Meter {
    /// That of a device.
    pub(super) fn of(device: &Device) -> Self {
        match device {
            #[cfg(feature = "cuda")]
            Device::Cuda(device) => Self::Cuda(cuda::Pool::of(device)),
            _ => Self::Process,
        }
    }

    /// Starts a new peak, where the system can do so; where it cannot, later peaks are those of
    /// the whole process, which is still an upper bound.
    pub(super) fn reset_peak(&self) {
        match self {
            Self::Process => process::reset_peak(),
            #[cfg(feature = "cuda")]
            Self::Cuda(pool) => pool.reset_peak(),
        }
    }

    /// Most bytes in use since the last reset.
    pub(super) fn peak_bytes(&self) -> Option<u64> {
        match self {
            Self::Process => process::peak_bytes(),
            #[cfg(feature = "cuda")]
            Self::Cuda(pool) => pool.peak_bytes(),
        }
    }

    /// Gives memory that is kept but not used back to the driver: kernels that are still to be
    /// loaded and workspaces of libraries cannot be had from what candle's pool keeps.
    pub(super) fn release_unused(&self) {
        match self {
            Self::Process => (),
            #[cfg(feature = "cuda")]
            Self::Cuda(pool) => pool.release_unused(),
        }
    }

    /// Bytes in use.
    pub(super) fn in_use_bytes(&self) -> Option<u64> {
        match self {
            Self::Process => process::resident_bytes(),
            #[cfg(feature = "cuda")]
            Self::Cuda(pool) => pool.in_use_bytes(),
        }
    }

    /// Bytes that can still be had.
    pub(super) fn free_bytes(&self) -> Option<u64> {
        match self {
            Self::Process => process::available_bytes(),
            #[cfg(feature = "cuda")]
            Self::Cuda(pool) => pool.free_bytes(),
        }
    }
}

/// An error if so much more memory cannot be had on this device. A GPU's driver says so by itself; on a
/// CPU a failed allocation would end the process.
pub(super) fn check_room(meter: &Meter, needed: u64) -> Result<(), EngineError> {
    match meter {
        Meter::Process => match process::available_bytes() {
            Some(free) if needed > free => Err(EngineError::OutOfMemory {
                reason: format!(
                    "{} more are needed, {} are free",
                    readable_size(needed),
                    readable_size(free)
                ),
                peak_memory_bytes: process::resident_bytes(),
            }),
            _ => Ok(()),
        },
        #[cfg(feature = "cuda")]
        Meter::Cuda(_) => Ok(()),
    }
}

/// How candle's errors say that the memory of a GPU ran out: the driver's words, and those of the
/// library for products when it cannot have its workspace.
const SHORTAGES: [&str; 2] = ["CUDA_ERROR_OUT_OF_MEMORY", "CUBLAS_STATUS_ALLOC_FAILED"];

/// What an error says of too little memory, if that is what it comes of. candle's error for a GPU is
/// a box of another crate's that only a build with the GPU could name, so the text decides.
pub(super) fn shortage(error: &impl std::error::Error) -> Option<String> {
    let text = error.to_string();
    let is_shortage = SHORTAGES.iter().any(|shortage| text.contains(shortage));
    // candle appends a backtrace to some messages.
    is_shortage.then(|| text.lines().next().unwrap_or_default().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_drivers_words_are_known() {
        let driver = "DriverError(CUDA_ERROR_OUT_OF_MEMORY, \"out of memory\")";
        let error = candle_core::Error::Cuda(driver.into()).bt();
        assert_eq!(shortage(&error).as_deref(), Some(driver));
        assert_eq!(shortage(&candle_core::Error::Msg("no such memory".into())), None);
    }
}
