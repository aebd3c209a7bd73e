//! The environment variables of a run, checked.

use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};

use crate::engine::{DeviceChoice, DeviceChoiceError, EngineSettings};
use crate::registry::Precision;

/// What the help says of the variables.
pub(super) const HELP: &str = "\
Everything else is set by environment variables (cargo hands unknown flags to every test binary):
  EYECHART_MODELS     models to run, globs separated by commas
  EYECHART_DEVICE     cpu, cuda, cuda:1, metal or auto
  EYECHART_DTYPE      f32, f16 or bf16
  EYECHART_BATCH      most cases answered together
  EYECHART_OUT        folder for the journal and reports
  EYECHART_CACHE      folder of answers kept between runs";

/// Globs of the models to run, separated by commas.
pub const MODELS: &str = "EYECHART_MODELS";
/// Device to run on.
pub const DEVICE: &str = "EYECHART_DEVICE";
/// Number format of weights and activations.
pub const DTYPE: &str = "EYECHART_DTYPE";
/// Most cases answered together.
pub const BATCH: &str = "EYECHART_BATCH";
/// Folder of the journal and reports.
pub const OUT: &str = "EYECHART_OUT";
/// Folder of answers kept between runs.
pub const CACHE: &str = "EYECHART_CACHE";
/// Set by cargo-nextest, which runs a process per test.
const NEXTEST_RUN: &str = "NEXTEST_RUN_ID";

/// A run's settings.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// Globs of the models to run; none leaves it to the registry.
    pub models: Option<Vec<String>>,
    /// How models are run.
    pub engine: EngineSettings,
    /// Folder of the journal and reports.
    pub out: PathBuf,
    /// Folder of answers kept between runs; none keeps no answers.
    pub cache: Option<PathBuf>,
}

/// A variable has a value that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum SettingsError {
    /// The device.
    #[error("{DEVICE}: {0}")]
    Device(#[from] DeviceChoiceError),
    /// The number format.
    #[error("{DTYPE}: \"{found}\" is not a number format; write f32, f16 or bf16")]
    Precision {
        /// What was set.
        found: String,
    },
    /// The batch size.
    #[error("{BATCH}: \"{found}\" is not a batch size; write a whole number from 1")]
    Batch {
        /// What was set.
        found: String,
    },
}

impl Settings {
    /// Reads the variables through `variable`; `target` is the build's output folder.
    ///
    /// # Errors
    /// A variable has a value that cannot be used.
    pub fn read(
        variable: impl Fn(&str) -> Option<String>,
        project: &Path,
        target: &Path,
    ) -> Result<Self, SettingsError> {
        // An empty variable is how a shell unsets one for a single command.
        let variable = |name| variable(name).filter(|value| !value.is_empty());
        let engine = EngineSettings {
            device: variable(DEVICE).map_or(Ok(DeviceChoice::Auto), |text| text.parse())?,
            precision: variable(DTYPE).map(parse_precision).transpose()?,
            batch: variable(BATCH).map_or(Ok(NonZeroUsize::MIN), parse_batch)?,
        };
        let out = variable(OUT).map_or_else(|| target.join("eyechart"), |out| project.join(out));
        let out = match variable(NEXTEST_RUN) {
            Some(run) => of_process(&out, &run),
            None => out,
        };
        let models = variable(MODELS).map(|globs| split_globs(&globs));
        let cache = variable(CACHE).map(|cache| project.join(cache));
        Ok(Self { models, engine, out, cache })
    }
}

/// A folder for this process alone: nextest's processes run side by side and would write over
/// each other's journal.
fn of_process(out: &Path, run: &str) -> PathBuf {
    out.join("nextest").join(run).join(std::process::id().to_string())
}

fn split_globs(globs: &str) -> Vec<String> {
    globs.split(',').map(str::trim).filter(|glob| !glob.is_empty()).map(str::to_owned).collect()
}

fn parse_precision(found: String) -> Result<Precision, SettingsError> {
    Precision::parse(&found).ok_or(SettingsError::Precision { found })
}

fn parse_batch(found: String) -> Result<NonZeroUsize, SettingsError> {
    found.trim().parse().map_err(|_| SettingsError::Batch { found })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(variables: &[(&str, &str)]) -> Result<Settings, String> {
        let variable = |name: &str| {
            let found = variables.iter().find(|(known, _)| *known == name);
            found.map(|(_, value)| (*value).to_owned())
        };
        Settings::read(variable, Path::new("/project"), Path::new("/project/target"))
            .map_err(|error| error.to_string())
    }

    #[test]
    fn an_empty_environment_has_defaults() {
        let settings = read(&[(OUT, ""), (DEVICE, "")]).unwrap();
        assert_eq!(settings.out, Path::new("/project/target/eyechart"));
        assert_eq!(settings.engine.device, DeviceChoice::Auto);
        assert_eq!(settings.models, None);
    }

    #[test]
    fn globs_are_split_at_commas() {
        let settings = read(&[(MODELS, "qwen*, llava-7b,"), (OUT, "reports")]).unwrap();
        assert_eq!(settings.models.unwrap(), ["qwen*", "llava-7b"]);
        assert_eq!(settings.out, Path::new("/project/reports"));
    }

    #[test]
    fn processes_of_nextest_do_not_share_a_folder() {
        let settings = read(&[(NEXTEST_RUN, "1f-2e"), (OUT, "reports")]).unwrap();
        assert_eq!(settings.out.parent(), Some(Path::new("/project/reports/nextest/1f-2e")));
    }

    #[test]
    fn unusable_values_name_the_variable() {
        for (name, value) in [(DEVICE, "gpu"), (DTYPE, "f64"), (BATCH, "0"), (BATCH, "many")] {
            let message = read(&[(name, value)]).unwrap_err();
            assert!(message.starts_with(name) && message.contains(value), "{message}");
        }
    }
}
