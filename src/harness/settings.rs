//! The environment variables of a run, checked.

use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};

use crate::engine::{BatchSize, DeviceChoiceError, Devices, EngineSettings, SelfChecking};
use crate::registry::Precision;

use super::partition::{Partition, PartitionError};

/// What the help says of the variables.
pub(super) const HELP: &str = "\
Everything else is set by environment variables (cargo hands unknown flags to every test binary):
  EYECHART_MODELS     models to run, globs separated by commas
  EYECHART_DEVICE     cpu, cuda, cuda:1, metal or auto
  EYECHART_DTYPE      f32, f16 or bf16
  EYECHART_BATCH      most cases answered together
  EYECHART_OUT        folder for the journal and reports
  EYECHART_CACHE      folder of answers kept between runs
  EYECHART_PARTITION  a share of the cases: hash:K/N or slice:K/N
  EYECHART_RESUME     1 completes the run in that folder, which was ended before its time
  EYECHART_RERUN      failed runs again what failed in it
  EYECHART_NEXTEST    per-model makes nextest start a process a model in place of a case

The exit code is 0 if all cases passed, 101 if some failed, 2 for arguments that are refused, 3 if the
run could not be carried out, 130 if it was interrupted (with the reports of what had ended).";

/// Globs of the models to run, separated by commas.
pub const MODELS: &str = "EYECHART_MODELS";
/// Device to run on.
pub const DEVICE: &str = "EYECHART_DEVICE";
/// Number format of weights and activations.
pub const DTYPE: &str = "EYECHART_DTYPE";
/// Most cases answered together.
pub const BATCH: &str = "EYECHART_BATCH";
/// Whether answers are compared with those of each case alone.
pub const SELF_CHECK: &str = "EYECHART_SELF_CHECK";
/// Folder of the journal and reports.
pub const OUT: &str = "EYECHART_OUT";
/// Folder of answers kept between runs.
pub const CACHE: &str = "EYECHART_CACHE";
/// A share of the tests.
pub const PARTITION: &str = "EYECHART_PARTITION";
/// Whether to complete the run whose journal is there.
pub const RESUME: &str = "EYECHART_RESUME";
/// What to run again of the run whose journal is there.
pub const RERUN: &str = "EYECHART_RERUN";
/// What nextest starts processes for.
pub const NEXTEST: &str = "EYECHART_NEXTEST";
/// Set by cargo-nextest, which runs a process per test.
const NEXTEST_RUN: &str = "NEXTEST_RUN_ID";
/// Set by cargo-nextest: which try this is, from 1.
const NEXTEST_ATTEMPT: &str = "NEXTEST_ATTEMPT";

/// Most cases answered together.
const MOST_BATCHED: usize = 10_000;

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
    /// The share of the tests to run.
    pub partition: Option<Partition>,
    /// What becomes of an earlier run in the same folder.
    pub continuation: Continuation,
    /// What cargo-nextest says, if it started this process.
    pub nextest: Option<Nextest>,
}

/// What becomes of an earlier run in the same folder.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Continuation {
    /// It is replaced.
    #[default]
    Anew,
    /// What it did not record is run; the rest counts as recorded.
    Resume,
    /// What failed in it is run again.
    Rerun,
    /// Both what failed and what it did not record is run.
    ResumeAndRerun,
}

/// A process of cargo-nextest's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Nextest {
    /// Name of the run, which its processes share.
    pub run: String,
    /// How often the test was tried before in this run.
    pub retry: u32,
    /// What it starts processes for.
    pub processes: Processes,
}

/// What cargo-nextest starts processes for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Processes {
    /// Each case on each model.
    PerCase,
    /// Each model, which is listed as `model::NAME`.
    PerModel,
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
    /// What is checked.
    #[error("{SELF_CHECK}: \"{found}\" is no check; write batch, or nothing for none")]
    SelfCheck {
        /// What was set.
        found: String,
    },
    /// The share of the tests.
    #[error("{PARTITION}: {0}")]
    Partition(#[from] PartitionError),
    /// Whether to resume.
    #[error("{RESUME}: \"{found}\" is not understood; write 1 or 0")]
    Resume {
        /// What was set.
        found: String,
    },
    /// What to run again.
    #[error("{RERUN}: \"{found}\" is not understood; write failed")]
    Rerun {
        /// What was set.
        found: String,
    },
    /// What nextest starts processes for.
    #[error("{NEXTEST}: \"{found}\" is not understood; write per-case or per-model")]
    Nextest {
        /// What was set.
        found: String,
    },
    /// The batch size.
    #[error(
        "{BATCH}: \"{found}\" is not a batch size; write a whole number from 1 to {MOST_BATCHED}"
    )]
    Batch {
        /// What was set.
        found: String,
    },
}

impl Settings {
    /// Reads the variables through `variable`; `out` is the folder of the journal and reports unless
    /// they say otherwise.
    ///
    /// # Errors
    /// A variable has a value that cannot be used.
    pub fn read(
        variable: impl Fn(&str) -> Option<String>,
        project: &Path,
        out: PathBuf,
    ) -> Result<Self, SettingsError> {
        // An empty variable is how a shell unsets one for a single command.
        let variable = |name| variable(name).filter(|value| !value.is_empty());
        let engine = EngineSettings {
            devices: variable(DEVICE).map_or(Ok(Devices::default()), |text| text.parse())?,
            precision: variable(DTYPE).map(parse_precision).transpose()?,
            batch: variable(BATCH).map_or(Ok(BatchSize::Automatic), parse_batch)?,
            self_check: variable(SELF_CHECK).map_or(Ok(SelfChecking::Off), parse_self_check)?,
        };
        let out = variable(OUT).map_or(out, |out| project.join(out));
        let partition = variable(PARTITION).map(|text| text.parse()).transpose()?;
        let continuation = parse_continuation(variable(RESUME), variable(RERUN))?;
        let processes = variable(NEXTEST).map_or(Ok(Processes::PerCase), parse_processes)?;
        let tries = variable(NEXTEST_ATTEMPT).and_then(|text| text.parse().ok());
        let retry = tries.map_or(0, |tries: u32| tries.saturating_sub(1));
        let nextest = variable(NEXTEST_RUN).map(|run| Nextest { run, retry, processes });
        let models = variable(MODELS).map(|globs| split_globs(&globs));
        let cache = variable(CACHE).map(|cache| project.join(cache));
        Ok(Self { models, engine, out, cache, partition, continuation, nextest })
    }
}

fn split_globs(globs: &str) -> Vec<String> {
    globs.split(',').map(str::trim).filter(|glob| !glob.is_empty()).map(str::to_owned).collect()
}

fn parse_precision(found: String) -> Result<Precision, SettingsError> {
    Precision::parse(&found).ok_or(SettingsError::Precision { found })
}

fn parse_continuation(
    resume: Option<String>,
    rerun: Option<String>,
) -> Result<Continuation, SettingsError> {
    let resumes = match resume.as_deref() {
        None | Some("0") => false,
        Some("1") => true,
        Some(found) => return Err(SettingsError::Resume { found: found.to_owned() }),
    };
    let reruns = match rerun.as_deref() {
        None => false,
        Some("failed") => true,
        Some(found) => return Err(SettingsError::Rerun { found: found.to_owned() }),
    };
    Ok(match (resumes, reruns) {
        (false, false) => Continuation::Anew,
        (true, false) => Continuation::Resume,
        (false, true) => Continuation::Rerun,
        (true, true) => Continuation::ResumeAndRerun,
    })
}

fn parse_processes(found: String) -> Result<Processes, SettingsError> {
    match found.as_str() {
        "per-case" => Ok(Processes::PerCase),
        "per-model" => Ok(Processes::PerModel),
        _ => Err(SettingsError::Nextest { found }),
    }
}

fn parse_batch(found: String) -> Result<BatchSize, SettingsError> {
    match found.trim().parse::<NonZeroUsize>() {
        Ok(batch) if batch.get() <= MOST_BATCHED => Ok(BatchSize::Fixed(batch)),
        Ok(_) | Err(_) => Err(SettingsError::Batch { found }),
    }
}

fn parse_self_check(found: String) -> Result<SelfChecking, SettingsError> {
    match found.as_str() {
        "batch" => Ok(SelfChecking::Batch),
        _ => Err(SettingsError::SelfCheck { found }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(variables: &[(&str, &str)]) -> Result<Settings, String> {
        let variable = |name: &str| {
            let found = variables.iter().find(|(known, _)| *known == name);
            found.map(|(_, value)| (*value).to_owned())
        };
        Settings::read(variable, Path::new("/project"), "/project/target/eyechart".into())
            .map_err(|error| error.to_string())
    }

    #[test]
    fn an_empty_environment_has_defaults() {
        let settings = read(&[(OUT, ""), (DEVICE, "")]).unwrap();
        assert_eq!(settings.out, Path::new("/project/target/eyechart"));
        assert_eq!(settings.engine, EngineSettings::default());
        assert_eq!(settings.models, None);
    }

    #[test]
    fn globs_are_split_at_commas() {
        let settings = read(&[(MODELS, "qwen*, llava-7b,"), (OUT, "reports")]).unwrap();
        assert_eq!(settings.models.unwrap(), ["qwen*", "llava-7b"]);
        assert_eq!(settings.out, Path::new("/project/reports"));
    }

    #[test]
    fn nextest_tells_its_run_and_try() {
        let variables = [(NEXTEST_RUN, "1f-2e"), (NEXTEST_ATTEMPT, "2"), (NEXTEST, "per-model")];
        let nextest = read(&variables).unwrap().nextest.unwrap();
        assert_eq!((nextest.run.as_str(), nextest.retry), ("1f-2e", 1));
        assert_eq!(nextest.processes, Processes::PerModel);
    }

    #[test]
    fn unusable_values_name_the_variable() {
        for (name, value) in [
            (DEVICE, "gpu"),
            (DTYPE, "f64"),
            (BATCH, "0"),
            (BATCH, "many"),
            (BATCH, "10001"),
            (BATCH, "18446744073709551616"),
            (BATCH, "1e3"),
            (BATCH, "-0"),
            (BATCH, "inf"),
            (PARTITION, "hash:1/10001"),
            (PARTITION, "slice:1/18446744073709551616"),
            (SELF_CHECK, "all"),
            (PARTITION, "count:1/2"),
            (RESUME, "yes"),
            (RERUN, "all"),
            (NEXTEST, "per-test"),
        ] {
            let message = read(&[(name, value)]).unwrap_err();
            assert!(message.starts_with(name) && message.contains(value), "{message}");
        }
    }
}
