//! The device a run asks for, and the one it gets.

use std::fmt;
use std::str::FromStr;

use candle_core::Device;

use crate::answer::DeviceClass;

/// What `EYECHART_DEVICE` says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum DeviceChoice {
    /// The first GPU if this build and machine have one, else the CPU.
    #[default]
    Auto,
    /// The CPU.
    Cpu,
    /// A CUDA GPU by number.
    Cuda(usize),
    /// The Metal GPU.
    Metal,
}

/// What `EYECHART_DEVICE` may say of several: each has an engine of its own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Devices {
    /// Each of these; one that is named twice has two engines.
    These(Vec<DeviceChoice>),
    /// All CUDA GPUs of this machine.
    AllCuda,
}

impl Default for Devices {
    fn default() -> Self {
        Self::These(vec![DeviceChoice::Auto])
    }
}

impl FromStr for Devices {
    type Err = DeviceChoiceError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "cuda:all" => Ok(Self::AllCuda),
            _ => text
                .split(',')
                .map(|one| one.trim().parse())
                .collect::<Result<_, _>>()
                .map(Self::These),
        }
    }
}

impl Devices {
    /// The class of the first.
    pub fn class(&self) -> DeviceClass {
        match self {
            Self::AllCuda => DeviceClass::Cuda,
            Self::These(choices) => choices.first().copied().unwrap_or_default().class(),
        }
    }

    /// One by one.
    ///
    /// # Errors
    /// All GPUs are asked for, and this build or machine has none.
    pub fn choices(&self) -> Result<Vec<DeviceChoice>, DeviceChoiceError> {
        match self {
            Self::These(choices) => Ok(choices.clone()),
            Self::AllCuda => match cuda_devices() {
                Ok(0) => Err(no_gpu("there is no CUDA GPU in this machine".to_owned())),
                Ok(count) => Ok((0..count).map(DeviceChoice::Cuda).collect()),
                Err(reason) => Err(no_gpu(reason)),
            },
        }
    }
}

fn no_gpu(reason: String) -> DeviceChoiceError {
    DeviceChoiceError::Unusable { choice: DeviceChoice::Cuda(0), reason }
}

/// How many CUDA GPUs there are.
#[cfg(feature = "cuda")]
fn cuda_devices() -> Result<usize, String> {
    let count = candle_core::cuda_backend::cudarc::driver::CudaContext::device_count();
    count.map(|count| usize::try_from(count).unwrap_or(0)).map_err(|error| error.to_string())
}

#[cfg(not(feature = "cuda"))]
fn cuda_devices() -> Result<usize, String> {
    // In candle's words for a single one.
    Device::new_cuda(0).map(|_| 0).map_err(|error| first_line(&error.to_string()))
}

/// A device that does not exist or cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DeviceChoiceError {
    /// The text names no device.
    #[error(
        "\"{found}\" is not a device; write cpu, cuda, cuda:1, metal or auto, several separated by \
         commas, or cuda:all"
    )]
    Unknown {
        /// What was written.
        found: String,
    },
    /// The device is not usable here.
    #[error(
        "device {choice} cannot be used: {reason}; set EYECHART_DEVICE=cpu, or auto to fall back"
    )]
    Unusable {
        /// The device.
        choice: DeviceChoice,
        /// Why not.
        reason: String,
    },
}

impl FromStr for DeviceChoice {
    type Err = DeviceChoiceError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let unknown = || DeviceChoiceError::Unknown { found: text.to_owned() };
        match text {
            "auto" => Ok(Self::Auto),
            "cpu" => Ok(Self::Cpu),
            "cuda" => Ok(Self::Cuda(0)),
            "metal" => Ok(Self::Metal),
            _ => {
                let number = text.strip_prefix("cuda:").ok_or_else(unknown)?;
                number.parse().map(Self::Cuda).map_err(|_| unknown())
            }
        }
    }
}

impl fmt::Display for DeviceChoice {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Auto => formatter.write_str("auto"),
            Self::Cpu => formatter.write_str("cpu"),
            Self::Cuda(number) => write!(formatter, "cuda:{number}"),
            Self::Metal => formatter.write_str("metal"),
        }
    }
}

impl DeviceChoice {
    /// The class of the device that [`open`](Self::open) would open.
    pub fn class(self) -> DeviceClass {
        match self {
            Self::Cpu => DeviceClass::Cpu,
            Self::Cuda(_) => DeviceClass::Cuda,
            Self::Metal => DeviceClass::Metal,
            Self::Auto => match best_device() {
                Device::Cpu => DeviceClass::Cpu,
                Device::Cuda(_) => DeviceClass::Cuda,
                Device::Metal(_) => DeviceClass::Metal,
            },
        }
    }

    /// Opens the device.
    ///
    /// # Errors
    /// This build or machine does not have it. `Auto` always finds the CPU.
    pub fn open(self) -> Result<Device, DeviceChoiceError> {
        let opened = match self {
            Self::Auto => return Ok(best_device()),
            Self::Cpu => return Ok(Device::Cpu),
            Self::Cuda(number) => Device::new_cuda(number),
            Self::Metal => Device::new_metal(0),
        };
        opened.map_err(|error| DeviceChoiceError::Unusable {
            choice: self,
            reason: first_line(&error.to_string()),
        })
    }
}

fn best_device() -> Device {
    let gpu = Device::cuda_if_available(0).ok().filter(Device::is_cuda);
    let gpu = gpu.or_else(|| Device::metal_if_available(0).ok());
    gpu.unwrap_or(Device::Cpu)
}

/// The device's name in records: `cpu`, `cuda:0`, `metal:0`.
pub(super) fn label(device: &Device) -> String {
    match device.location() {
        candle_core::DeviceLocation::Cpu => "cpu".to_owned(),
        candle_core::DeviceLocation::Cuda { gpu_id } => format!("cuda:{gpu_id}"),
        candle_core::DeviceLocation::Metal { gpu_id } => format!("metal:{gpu_id}"),
    }
}

/// candle appends a backtrace to some messages.
fn first_line(message: &str) -> String {
    message.lines().next().unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_back_what_it_shows() {
        for choice in [
            DeviceChoice::Auto,
            DeviceChoice::Cpu,
            DeviceChoice::Cuda(0),
            DeviceChoice::Cuda(3),
            DeviceChoice::Metal,
        ] {
            assert_eq!(choice.to_string().parse(), Ok(choice));
        }
    }

    #[test]
    fn several_are_separated_by_commas() {
        let cuda = |numbers: &[usize]| {
            Devices::These(numbers.iter().copied().map(DeviceChoice::Cuda).collect())
        };
        assert_eq!("cuda:0, cuda:2".parse(), Ok(cuda(&[0, 2])));
        assert_eq!("cuda".parse(), Ok(cuda(&[0])));
        assert_eq!("cuda:all".parse(), Ok(Devices::AllCuda));
        assert!("cpu,,cpu".parse::<Devices>().is_err());
        assert_eq!(Devices::default().choices(), Ok(vec![DeviceChoice::Auto]));
    }

    #[cfg(not(feature = "cuda"))]
    #[test]
    fn a_build_without_gpus_says_so() {
        let error = Devices::AllCuda.choices().unwrap_err().to_string();
        assert!(error.starts_with("device cuda:0 cannot be used: "), "{error}");
    }

    #[test]
    fn refuses_what_is_no_device() {
        for text in ["", "gpu", "cuda:", "cuda:-1", "CPU "] {
            let error = text.parse::<DeviceChoice>().unwrap_err();
            assert!(error.to_string().contains(&format!("\"{text}\"")), "{error}");
        }
    }
}
