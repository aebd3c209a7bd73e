/*!
Two models' answers to the same cases before a judge: which are better, and by how much.

The answers are those of journals; a model of the registry judges each pair twice, with the answers in
swapped positions ([`crate::score::comparison`]), and only an answer that it prefers both times wins.
What the judge said is kept to the letter, with the hash of what it was asked. Must not know how the
answers came about.
*/

use std::path::{Path, PathBuf};

use crate::engine::EngineSettings;
use crate::opinion::JudgedPictures;
use crate::registry::{ModelEntry, Registry};

mod bench;
mod error;
mod outcome;
mod pairs;
mod pictures;
mod report;

pub use error::CompareError;
pub use outcome::{Judged, Outcome};
pub use pairs::{LeftOut, Pair};
pub use report::{Comparisons, FILE_NAME, Figures};

/// What an answer is better by, unless one says otherwise.
pub const RUBRIC: &str = "The better answer is the one that is right about what the pictures show \
                          and answers the question; if both are, the one without errors.";

/// A model's answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Side {
    /// The journal.
    pub journal: PathBuf,
    /// The model's name there; none for the only one.
    pub model: Option<String>,
}

/// What is to be compared, and by whom.
#[derive(Debug, Clone)]
pub struct Question<'q> {
    /// The folder of `eyechart.ron` and of the cases.
    pub project: &'q Path,
    /// Whose answers.
    pub sides: [Side; 2],
    /// The judge's name in the registry.
    pub judge: &'q str,
    /// What makes an answer the better one.
    pub rubric: &'q str,
    /// Whether the judge sees the pictures.
    pub pictures: JudgedPictures,
    /// How the judge is run.
    pub engine: &'q EngineSettings,
    /// Where pictures go that stand in tables of data sets.
    pub unpacked: &'q Path,
}

/// Has a judge compare two models' answers; `say` is told what goes on.
///
/// # Errors
/// A journal cannot be read or has no such model, no case is in both, a picture is another by now, or
/// the judge cannot be loaded.
pub fn compare(question: &Question<'_>, say: &dyn Fn(&str)) -> Result<Comparisons, CompareError> {
    let registry = Registry::load(question.project)?;
    let judge = find_judge(&registry, question.judge)?;
    let paired = pairs::pair(&question.sides)?;
    for line in &paired.left_out {
        say(&format!("eyechart: not compared: {line}"));
    }
    let pictures = match question.pictures {
        JudgedPictures::Shown => pictures::find(question, &registry, &paired.pairs)?,
        JudgedPictures::Hidden => pictures::Pictures::new(),
    };
    let judged = bench::judge(question, &paired.pairs, &pictures, &mut |asked| {
        bench::ask_model(judge, question.engine, asked, say)
    })?;
    Ok(Comparisons::new(question, paired, judged))
}

fn find_judge<'r>(registry: &'r Registry, name: &str) -> Result<&'r ModelEntry, CompareError> {
    registry.model(name).ok_or_else(|| CompareError::UnknownJudge {
        name: name.to_owned(),
        known: registry.names(),
    })
}
