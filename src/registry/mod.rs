/*!
The models of a project: `eyechart.ron`, beside `Cargo.toml`.

Owns names, where each checkpoint is said to be, and which models a run takes. Knows nothing of
cases, and does not open a checkpoint.
*/

use std::collections::HashSet;
use std::io;
use std::path::{Path, PathBuf};

use candle_core::DType;
use serde::{Deserialize, Serialize};

use crate::answer::DeviceClass;
use crate::bounded_file;
use crate::extract::BoxNotation;
use crate::ordered_map::OrderedMap;

/// What ends the model's part in the name of an input's snapshot; no model's name may end so.
pub const INPUT_SUFFIX: &str = ".input";

mod error;
mod schema;

pub use error::RegistryError;

/// Longest name of a model, which is part of the names of files.
pub const LONGEST_NAME_BYTES: usize = 80;

/// Longest `eyechart.ron` that is read.
const LARGEST_BYTES: u64 = 1024 * 1024;
/// Deepest nesting of it.
const DEEPEST: usize = 64;
/// Most models, scorers, or globs that choose among them.
const MOST_ENTRIES: usize = 1_000;
/// Longest glob.
const LONGEST_GLOB_BYTES: usize = 256;
/// Highest price of an hour.
const HIGHEST_PRICE: f64 = 1e9;

/// The registry's file name.
pub const FILE_NAME: &str = "eyechart.ron";

/// A number format of weights and activations.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Precision {
    /// 32-bit floats.
    F32,
    /// 16-bit floats (IEEE half).
    F16,
    /// 16-bit brain floats.
    Bf16,
}

impl Precision {
    /// Reads `f32`, `f16` or `bf16`.
    pub fn parse(text: &str) -> Option<Self> {
        [Self::F32, Self::F16, Self::Bf16]
            .into_iter()
            .find(|precision| precision.label().eq_ignore_ascii_case(text))
    }

    /// As tensors have it.
    pub fn data_type(self) -> DType {
        match self {
            Self::F32 => DType::F32,
            Self::F16 => DType::F16,
            Self::Bf16 => DType::BF16,
        }
    }

    /// `f32`, `f16` or `bf16`.
    pub fn label(self) -> &'static str {
        match self {
            Self::F32 => "f32",
            Self::F16 => "f16",
            Self::Bf16 => "bf16",
        }
    }
}

/// Where a checkpoint comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source {
    /// A folder in the published layout.
    Folder(PathBuf),
    /// A repository of the Hugging Face hub.
    Hub {
        /// `owner/name`.
        repository: String,
        /// A commit, branch or tag.
        revision: String,
    },
    /// The answers that a journal holds; no checkpoint is loaded.
    Replay {
        /// The journal of an earlier run.
        journal: PathBuf,
        /// The model in it whose answers are taken; none leaves that to the names in it.
        model: Option<String>,
    },
}

/// One model of the registry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ModelEntry {
    /// Its name: letters, digits, `.`, `_` and `-`, so that it can stand in file names.
    pub name: String,
    /// Where its checkpoint is.
    pub source: Source,
    /// Number format to load it in; none leaves it to the device.
    pub precision: Option<Precision>,
    /// Files of the checkpoint and the SHA-256 that each must have.
    pub sha256: Vec<(String, String)>,
    /// How it writes boxes, in place of what its family says: a checkpoint may be trained on.
    pub boxes: Option<BoxNotation>,
}

/// A network that scores answers: a CLIP checkpoint or an encoder of sentences.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ScorerEntry {
    /// Its name.
    pub name: String,
    /// Where its checkpoint is.
    pub source: Source,
    /// Files of the checkpoint and the SHA-256 that each must have.
    pub sha256: Vec<(String, String)>,
}

/// What an hour on each device costs.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Prices {
    /// Unit of the prices.
    pub currency: String,
    /// Price of an hour by device name; `cpu` is the name of the processor.
    pub per_hour: Vec<(String, f64)>,
}

/// A checked `eyechart.ron`.
#[derive(Debug, Clone, PartialEq)]
pub struct Registry {
    models: Vec<ModelEntry>,
    scorers: Vec<ScorerEntry>,
    default_models: Vec<String>,
    prices: Option<Prices>,
}

impl Registry {
    /// Reads `eyechart.ron` in `project`.
    ///
    /// # Errors
    /// The file is missing, is not valid, or names a model in an unusable way.
    pub fn load(project: &Path) -> Result<Self, RegistryError> {
        let path = project.join(FILE_NAME);
        let text = read(&path)
            .map_err(|source| RegistryError::Unreadable { path: path.clone(), source })?;
        Self::parse(&text, &path)
    }

    /// Checks the text of an `eyechart.ron` at `path`; folders are relative to it.
    ///
    /// # Errors
    /// As [`Registry::load`].
    pub fn parse(text: &str, path: &Path) -> Result<Self, RegistryError> {
        let file = parse_file(text, path)?;
        let project = path.parent().unwrap_or(Path::new(""));
        let mut models: Vec<ModelEntry> = Vec::new();
        let mut known = HashSet::new();
        few("models", file.models.0.len())?;
        for (name, entry) in file.models.0 {
            let refused = refuse("model", &name, path);
            if !known.insert(name.to_ascii_lowercase()) {
                return Err(refused("is there twice; give each model a name of its own".into()));
            }
            models.push(check_model(&name, entry, project).map_err(refused)?);
        }
        let mut scorers: Vec<ScorerEntry> = Vec::new();
        let mut known = HashSet::new();
        let stated = file.scorers.map_or_else(Vec::new, |OrderedMap(scorers)| scorers);
        few("scorers", stated.len())?;
        for (name, entry) in stated {
            let refused = refuse("scorer", &name, path);
            if !known.insert(name.clone()) {
                return Err(refused("is there twice; give each scorer a name of its own".into()));
            }
            scorers.push(check_scorer(&name, entry, project).map_err(refused)?);
        }
        if models.is_empty() {
            return Err(RegistryError::NoModels { path: path.to_owned() });
        }
        let registry = Self {
            default_models: file.default_models.unwrap_or_else(|| vec!["*".to_owned()]),
            prices: file.price_per_hour.map(|prices| check_prices(prices, path)).transpose()?,
            models,
            scorers,
        };
        registry.select(&registry.default_models)?;
        Ok(registry)
    }

    /// All models, in the file's order.
    pub fn models(&self) -> &[ModelEntry] {
        &self.models
    }

    /// The model of this name.
    pub fn model(&self, name: &str) -> Option<&ModelEntry> {
        self.models.iter().find(|entry| entry.name == name)
    }

    /// Names of all models.
    pub fn names(&self) -> Vec<String> {
        self.models.iter().map(|model| model.name.clone()).collect()
    }

    /// All networks that score answers, in the file's order.
    pub fn scorers(&self) -> &[ScorerEntry] {
        &self.scorers
    }

    /// Names of all scorers.
    pub fn scorer_names(&self) -> Vec<String> {
        self.scorers.iter().map(|scorer| scorer.name.clone()).collect()
    }

    /// The patterns that choose models when the user names none.
    pub fn default_models(&self) -> &[String] {
        &self.default_models
    }

    /// Prices, if the file gives any.
    pub fn prices(&self) -> Option<&Prices> {
        self.prices.as_ref()
    }

    /// The models that match any of the globs, in the file's order.
    ///
    /// # Errors
    /// A glob that is not valid, or that matches no model.
    pub fn select(&self, globs: &[String]) -> Result<Vec<&ModelEntry>, RegistryError> {
        let mut chosen = vec![false; self.models.len()];
        few("globs over model names", globs.len())?;
        for glob in globs {
            let pattern = compiled(glob)
                .map_err(|reason| RegistryError::Glob { glob: glob.clone(), reason })?;
            let mut matched = false;
            for (model, chosen) in self.models.iter().zip(&mut chosen) {
                if pattern.matches(&model.name) {
                    (matched, *chosen) = (true, true);
                }
            }
            if !matched {
                return Err(RegistryError::NoMatch { glob: glob.clone(), known: self.names() });
            }
        }
        let models = self.models.iter().zip(chosen);
        Ok(models.filter_map(|(model, chosen)| chosen.then_some(model)).collect())
    }
}

fn read(path: &Path) -> io::Result<String> {
    let bytes = bounded_file::read(path, LARGEST_BYTES).map_err(|error| match error {
        bounded_file::ReadError::Io(error) => error,
        error => io::Error::other(error),
    })?;
    String::from_utf8(bytes).map_err(|_| io::Error::other("it is not UTF-8; save it as UTF-8"))
}

/// Refuses lists that no project needs, and of which each entry is compared with each of another list.
fn few(what: &'static str, found: usize) -> Result<(), RegistryError> {
    match found > MOST_ENTRIES {
        true => Err(RegistryError::TooMany { what, found, limit: MOST_ENTRIES }),
        false => Ok(()),
    }
}

fn compiled(glob: &str) -> Result<glob::Pattern, String> {
    if glob.len() > LONGEST_GLOB_BYTES {
        return Err(format!(
            "it is {} bytes long, expected {LONGEST_GLOB_BYTES} at most",
            glob.len()
        ));
    }
    glob::Pattern::new(glob).map_err(|error| error.to_string())
}

fn parse_file(text: &str, path: &Path) -> Result<schema::RegistryFile, RegistryError> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    ron::Options::default()
        .with_default_extension(ron::extensions::Extensions::IMPLICIT_SOME)
        .with_recursion_limit(DEEPEST)
        .from_str(text)
        .map_err(|error| RegistryError::Parse {
            path: path.to_owned(),
            line: error.span.start.line,
            column: error.span.start.col,
            reason: error.code.to_string(),
        })
}

fn check_model(name: &str, entry: schema::ModelFile, project: &Path) -> Result<ModelEntry, String> {
    let usable = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
    if name.is_empty() || name.starts_with('.') || !name.chars().all(usable) {
        return Err("is not a usable name; use letters, digits, '.', '_' and '-'".into());
    }
    if name.len() > LONGEST_NAME_BYTES {
        return Err(format!(
            "is not a usable name; it has {} letters, expected {LONGEST_NAME_BYTES} at most",
            name.len()
        ));
    }
    if let Some(class) = DeviceClass::ALL
        .map(DeviceClass::label)
        .into_iter()
        .find(|class| name.strip_suffix(class).is_some_and(|rest| rest.ends_with('.')))
    {
        return Err(format!(
            "is not a usable name; `.{class}` ends the names of snapshots of this device class"
        ));
    }
    if name.ends_with(INPUT_SUFFIX) {
        return Err(format!(
            "is not a usable name; `{INPUT_SUFFIX}` ends the names of snapshots of inputs"
        ));
    }
    Ok(ModelEntry {
        name: name.to_owned(),
        source: model_source(&entry, project)?,
        precision: entry.dtype,
        boxes: entry.boxes,
        sha256: check_sums(entry.sha256)?,
    })
}

fn check_scorer(
    name: &str,
    entry: schema::ScorerFile,
    project: &Path,
) -> Result<ScorerEntry, String> {
    Ok(ScorerEntry {
        name: name.to_owned(),
        source: check_source((entry.dir, entry.hub, entry.revision), project)?,
        sha256: check_sums(entry.sha256)?,
    })
}

/// Where a model's answers come from.
fn model_source(entry: &schema::ModelFile, project: &Path) -> Result<Source, String> {
    let schema::ModelFile { dir, hub, replay, answers_of, revision, dtype, .. } = entry;
    let Some(journal) = replay else {
        if answers_of.is_some() {
            return Err("has `answers_of` without `replay`, to which it belongs".into());
        }
        return check_source((dir.clone(), hub.clone(), revision.clone()), project);
    };
    let other = dir.as_ref().map(|_| "dir").or(hub.as_ref().map(|_| "hub"));
    if let Some(other) = other {
        return Err(format!("has both `{other}` and `replay`; keep one of them"));
    }
    if revision.is_some() || dtype.is_some() {
        let message =
            "has `replay`, whose answers were computed before; drop `revision` and `dtype`";
        return Err(message.into());
    }
    Ok(Source::Replay { journal: project.join(journal), model: answers_of.clone() })
}

/// `dir`, `hub` and `revision` of an entry.
type StatedSource = (Option<String>, Option<String>, Option<String>);

fn check_source(stated: StatedSource, project: &Path) -> Result<Source, String> {
    Ok(match stated {
        (Some(dir), None, None) => Source::Folder(project.join(dir)),
        (None, Some(repository), Some(revision)) => Source::Hub { repository, revision },
        (None, Some(_), None) => {
            return Err("has `hub` without `revision`; pin a commit of the repository".into());
        }
        (Some(_), None, Some(_)) => {
            return Err("has `dir` and `revision`; `revision` belongs to `hub`".into());
        }
        (Some(_), Some(_), _) => {
            return Err("has both `dir` and `hub`; keep one of them".into());
        }
        (None, None, _) => {
            return Err("says not where it is; write (dir: \"folder\") or (hub: \"owner/name\", \
                        revision: \"commit\")"
                .into());
        }
    })
}

fn check_sums(sums: Option<OrderedMap<String>>) -> Result<Vec<(String, String)>, String> {
    let sha256 = sums.map_or_else(Vec::new, |OrderedMap(pins)| pins);
    let is_sum = |sum: &str| sum.len() == 64 && sum.bytes().all(|byte| byte.is_ascii_hexdigit());
    if let Some((file, sum)) = sha256.iter().find(|(_, sum)| !is_sum(sum)) {
        return Err(format!("has sha256 \"{sum}\" for {file}; write 64 hexadecimal digits"));
    }
    Ok(sha256)
}

/// Makes the error of an entry of this name.
fn refuse<'a>(
    what: &'static str,
    name: &'a str,
    path: &'a Path,
) -> impl Fn(String) -> RegistryError + use<'a> {
    move |reason| RegistryError::Entry {
        path: path.to_owned(),
        what,
        name: name.to_owned(),
        reason,
    }
}

fn check_prices(file: schema::PriceFile, path: &Path) -> Result<Prices, RegistryError> {
    let unusable = |price: &f64| !(0.0..=HIGHEST_PRICE).contains(price);
    if let Some((device, price)) = file.devices.iter().find(|(_, price)| unusable(price)) {
        let (path, device) = (path.to_owned(), device.clone());
        return Err(RegistryError::Price { path, device, price: *price });
    }
    Ok(Prices { currency: file.currency, per_hour: file.devices.into_iter().collect() })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<Registry, String> {
        Registry::parse(text, Path::new("project/eyechart.ron")).map_err(|error| error.to_string())
    }

    #[test]
    fn keeps_the_order_of_the_file_and_resolves_folders() {
        let registry = parse(
            r#"(models: {
                "z": (dir: "weights/z", boxes: Florence2),
                "a": (hub: "Qwen/Q", revision: "1f", dtype: Bf16),
                "r": (replay: "old/journal.jsonl", answers_of: "a"),
            })"#,
        )
        .unwrap();
        assert_eq!(registry.names(), ["z", "a", "r"]);
        let (journal, model) = ("project/old/journal.jsonl".into(), Some("a".to_owned()));
        assert_eq!(registry.models()[2].source, Source::Replay { journal, model });
        assert_eq!(registry.models()[0].source, Source::Folder("project/weights/z".into()));
        assert_eq!(registry.models()[0].boxes, Some(BoxNotation::Florence2));
        assert_eq!(registry.models()[1].precision, Some(Precision::Bf16));
    }

    #[test]
    fn selects_by_glob_without_repeating() {
        let registry =
            parse(r#"(models: {"q-tiny": (dir: "q"), "q-2b": (dir: "r"), "l": (dir: "l")})"#)
                .unwrap();
        let chosen = registry.select(&["q-*".into(), "*-tiny".into()]).unwrap();
        let names: Vec<_> = chosen.iter().map(|model| model.name.as_str()).collect();
        assert_eq!(names, ["q-tiny", "q-2b"]);
    }

    #[test]
    fn refuses_with_the_place_and_the_cure() {
        let cases = [
            ("(models: {})", "no_models"),
            (r#"(models: {"a": (dir: "x"), "A": (dir: "y")})"#, "twice"),
            (r#"(models: {"a/b": (dir: "x")})"#, "name"),
            (r#"(models: {"a.input": (dir: "x")})"#, "name_of_inputs"),
            (r#"(models: {"a.cuda": (dir: "x")})"#, "name_of_device_class"),
            (r#"(models: {"a": ()})"#, "no_source"),
            (r#"(models: {"a": (dir: "x", hub: "y/z")})"#, "two_sources"),
            (r#"(models: {"a": (hub: "y/z")})"#, "no_revision"),
            (r#"(models: {"a": (dir: "x", replay: "j.jsonl")})"#, "folder_and_replay"),
            (r#"(models: {"a": (replay: "j.jsonl", dtype: F16)})"#, "replay_in_a_format"),
            (r#"(models: {"a": (dir: "x", answers_of: "b")})"#, "answers_of_a_folder"),
            ("(models: {\"a\": (dir: \"x\")},\n  default_model: [\"a\"])", "unknown_field"),
            (r#"(models: {"a": (dir: "x", dtype: F64)})"#, "unknown_dtype"),
            (r#"(models: {"a": (dir: "x", sha256: {"model.safetensors": "abc"})})"#, "no_sum"),
            (r#"(models: {"a": (dir: "x", boxes: Corners)})"#, "unknown_boxes"),
            (r#"(models: {"a": (dir: "x")}, scorers: {"c": (hub: "y/z")})"#, "scorer_no_revision"),
            (
                r#"(models: {"a": (dir: "x")}, scorers: {"c": (dir: "x", dtype: F16)})"#,
                "scorer_dtype",
            ),
            (r#"(models: {"a": (dir: "x")}, default_models: ["b*"])"#, "default_matches_none"),
            (r#"(models: {"a": (dir: "x")}, default_models: ["[b"])"#, "bad_glob"),
            (
                r#"(models: {"a": (dir: "x")}, price_per_hour: (currency: "EUR", devices: {"cpu": -1}))"#,
                "negative_price",
            ),
        ];
        let messages: Vec<String> = cases
            .iter()
            .map(|(text, name)| format!("{name}: {}", parse(text).unwrap_err()))
            .collect();
        insta::assert_snapshot!(messages.join("\n"));
    }
}
