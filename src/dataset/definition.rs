//! From what the user wrote in a `.dataset.ron` to what the program trusts.

use std::path::{Path, PathBuf};

use super::figure::{Figure, RowScore, Scoring};
use super::layout::{Compared, Heads, Layout};
use super::sample::Sample;
use super::schema::{RawDataset, RawGate, RawSample, RawScore, RowTests};
use super::template::Template;
use crate::case::{
    CaseError, Common, DatasetFile, Metric, Problem, RonPlace, RonSource, StatedCommon, TruthKind,
    common, parse_ron,
};

mod shards;
mod source;

use source::layout;

/// The IoU at which a box counts as found if `row_min` does not say, as in RefCOCO evaluations.
const DEFAULT_MIN_IOU: f64 = 0.5;

/// The most columns that a message names.
const MOST_NAMED: usize = 60;

/// A data set as its file defines it, before a row is read.
#[derive(Debug)]
pub(super) struct Definition {
    pub(super) layout: Box<dyn Layout>,
    pub(super) sample: Sample,
    pub(super) prompt: Template,
    pub(super) scoring: Scoring,
    pub(super) row_min: Option<f64>,
    pub(super) row_tests: RowTests,
    /// The networks that score rows: CLIP's name, and that of an encoder of sentences.
    pub(super) scorers: Scorers,
    pub(super) gates: Vec<Gate>,
    pub(super) common: Common,
}

/// The networks that score rows, by their names in the registry.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Scorers {
    pub(super) clip: Option<String>,
    pub(super) sentences: Option<String>,
}

impl Scorers {
    /// The figures that they give.
    fn figures(&self) -> Vec<(&'static str, Figure)> {
        let clip = [RowScore::ClipScore, RowScore::RefClipScore];
        let clip = clip.iter().filter(|_| self.clip.is_some());
        let sentences = [RowScore::Similarity];
        let sentences = sentences.iter().filter(|_| self.sentences.is_some());
        clip.chain(sentences).map(|score| score.figure()).collect()
    }
}

/// A demand on all rows together.
#[derive(Debug, Clone, PartialEq)]
pub struct Gate {
    pub(super) name: &'static str,
    pub(super) figure: Figure,
    pub(super) min: f64,
}

/// What cannot be said of a data set.
#[derive(Debug, thiserror::Error)]
enum Unsound {
    #[error("{0}")]
    Template(#[from] super::template::TemplateError),
    #[error("no pictures are named; set `images`, or `image` or `image_base64` in `columns`")]
    NoImages,
    #[error(
        "the pictures of GQA are in files of their own; set `images`, such as \
         [\"testdev_balanced_images/*.parquet\"]"
    )]
    GqaImages,
    #[error("the pictures of this set stand beside its questions; drop `images`")]
    OwnImages,
    #[error(
        "the columns do not say what is right; set one of `answer`, `xyxy`, `xywh` and `captions`"
    )]
    NothingCompared,
    #[error("`metric` is for answers, and these rows are compared by {0}; drop the field")]
    NoMetric(&'static str),
    #[error("{metric} compares with {found}, and these rows have {expected}")]
    OtherTruth { metric: Metric, found: &'static str, expected: &'static str },
    #[error("no figure `{found}` for these rows; there are: {known}")]
    NoFigure { found: String, known: String },
    #[error("no file matches {0:?}")]
    NoFile(String),
    #[error("`splits` has the ids of several splits; set `split`, such as \"test\"")]
    WhichSplit,
    #[error("{}: {found} of {total} shards; {missing} is not among the files, though its name says that it belongs to them", file.display())]
    MissingShard { file: PathBuf, found: usize, total: usize, missing: String },
    #[error("{}: one of {total} shards, beside {}, one of {other_total}; they are of two sets", file.display(), other.display())]
    MixedShards { file: PathBuf, total: usize, other: PathBuf, other_total: usize },
    #[error("{} is matched twice, so that its rows would count twice", .0.display())]
    FileTwice(PathBuf),
    #[error("`scores` are of captions, and these rows have none")]
    ScoresOfCaptions,
    #[error("this score is there twice")]
    ScoreTwice,
    #[error("eyechart.ron has no scorer {found:?}; known are {known}")]
    NoScorer { found: String, known: String },
    #[error("the gate on {0} is there twice")]
    GateTwice(&'static str),
    #[error("{what} is {found}, expected {expected}")]
    Range { what: &'static str, found: f64, expected: &'static str },
    #[error("nothing would be taken; write at least 1")]
    NothingTaken,
    #[error("`rows: Recorded` leaves it to gates to judge, and there is no `gate`")]
    NothingJudged,
}

fn error(place: RonPlace<'_>, unsound: impl Into<Unsound>) -> CaseError {
    place.error(Problem::DataSet(unsound.into().to_string()))
}

impl Definition {
    pub(super) fn check(file: &DatasetFile, source: &RonSource) -> Result<Self, CaseError> {
        let raw: RawDataset = parse_ron(source)?;
        let place = source.root();
        let folder = file.path.parent().unwrap_or(Path::new(""));
        let layout = layout(raw.source, raw.metric, folder, place.field("source"))?;
        let scoring = scoring(layout.compared(), raw.metric, raw.row_min, place)?;
        let stated = raw.scores.unwrap_or_default();
        let scorers = scorers(stated, scoring, &file.known.scorers, place.field("scores"))?;
        let known: Vec<_> = scoring.figures().into_iter().chain(scorers.figures()).collect();
        let gates = gates(raw.gate.unwrap_or_default(), &known, place.field("gate"))?;
        let stated = StatedCommon {
            system: raw.system,
            preset: raw.preset,
            dimension: raw.dimension,
            models: raw.models,
            generation: raw.generation,
            snapshot: raw.snapshot,
            tags: raw.tags,
            ignore: raw.ignore,
            xfail: raw.xfail,
        };
        let prompt =
            Template::parse(&raw.prompt).map_err(|bad| error(place.field("prompt"), bad))?;
        if raw.prompt.trim().is_empty() {
            let problem = Problem::Empty { what: "`prompt`", remedy: "ask something" };
            return Err(place.field("prompt").error(problem));
        }
        let row_tests = match (raw.rows, gates.is_empty()) {
            (Some(RowTests::Recorded), true) => {
                return Err(error(place.field("rows"), Unsound::NothingJudged));
            }
            (Some(stated), _) => stated,
            // Captions give rows no verdict of their own.
            (None, true) if scoring != Scoring::Captions => RowTests::Judged,
            (None, _) => RowTests::Recorded,
        };
        Ok(Self {
            sample: sample(raw.sample, place.field("sample"))?,
            common: common(stated, &file.defaults, &file.known.models, place)?,
            row_min: raw.row_min,
            layout,
            prompt,
            scoring,
            row_tests,
            scorers,
            gates,
        })
    }
}

impl Definition {
    /// That the rows have whatever templates name.
    pub(super) fn check_templates(
        &self,
        listed: &Heads,
        place: RonPlace<'_>,
    ) -> Result<(), CaseError> {
        let unknown = |name: &str, place: RonPlace<'_>| {
            let names = listed.columns.names();
            let mut known = names[..names.len().min(MOST_NAMED)].join(", ");
            if names.len() > MOST_NAMED {
                known.push_str(&format!(" and {} more", names.len() - MOST_NAMED));
            }
            let problem = format!("the rows have no {{{name}}}; they have {known}");
            Err(place.error(Problem::DataSet(problem)))
        };
        if let Some(name) = self.prompt.names().find(|name| !listed.columns.has(name)) {
            return unknown(name, place.field("prompt"));
        }
        // One whose value is a list names several pictures; BLINK's and others' are called `image`.
        let is_known = |name: &&str| {
            listed.columns.has(name) || listed.lists.has(name) || self.layout.names_images_as(name)
        };
        let images = self.layout.images().and_then(|one| one.names().find(|name| !is_known(name)));
        match images {
            Some(name) => unknown(name, place.field("source").field("images")),
            None => Ok(()),
        }
    }
}

fn sample(raw: Option<RawSample>, place: RonPlace<'_>) -> Result<Sample, CaseError> {
    let sample = match raw {
        None => Sample::All,
        Some(RawSample::First(count)) => Sample::First(count),
        Some(RawSample::Seeded { count, seed }) => Sample::Seeded { count, seed },
        Some(RawSample::Ids(ids)) => Sample::Ids(ids.into_iter().map(|id| id.0).collect()),
        Some(RawSample::ByStratum { column, count, seed }) => {
            Sample::ByStratum { column, count, seed }
        }
    };
    let is_empty = match &sample {
        Sample::All => false,
        Sample::First(count) | Sample::Seeded { count, .. } | Sample::ByStratum { count, .. } => {
            *count == 0
        }
        Sample::Ids(ids) => ids.is_empty(),
    };
    if is_empty { Err(error(place, Unsound::NothingTaken)) } else { Ok(sample) }
}

fn scoring(
    compared: Compared,
    metric: Option<Metric>,
    row_min: Option<f64>,
    place: RonPlace<'_>,
) -> Result<Scoring, CaseError> {
    if let Some(found) = row_min.filter(|min| !(*min > 0.0 && *min <= 1.0)) {
        let expected = "above 0 and at most 1";
        return Err(error(
            place.field("row_min"),
            Unsound::Range { what: "row_min", found, expected },
        ));
    }
    let unsound = match (compared, metric) {
        (Compared::Answers(usual), None) => return Ok(Scoring::Metric(usual)),
        (Compared::Answers(usual), Some(metric)) if usual.truth() == metric.truth() => {
            return Ok(Scoring::Metric(metric));
        }
        (Compared::Answers(usual), Some(metric)) => {
            let (found, expected) = (truth_words(metric.truth()), truth_words(usual.truth()));
            Unsound::OtherTruth { metric, found, expected }
        }
        (Compared::Boxes, None) => {
            return Ok(Scoring::Boxes { min_iou: row_min.unwrap_or(DEFAULT_MIN_IOU) });
        }
        (Compared::Captions, None) => return Ok(Scoring::Captions),
        (Compared::Boxes, Some(_)) => Unsound::NoMetric("the IoU of boxes"),
        (Compared::Captions, Some(_)) => Unsound::NoMetric("the caption metrics over all rows"),
    };
    Err(error(place.field("metric"), unsound))
}

fn truth_words(kind: TruthKind) -> &'static str {
    match kind {
        TruthKind::Answers => "texts",
        TruthKind::YesNo => "yes or no",
        TruthKind::Choice => "the letter of an option",
    }
}

fn scorers(
    raw: Vec<RawScore>,
    scoring: Scoring,
    known: &[String],
    place: RonPlace<'_>,
) -> Result<Scorers, CaseError> {
    if scoring != Scoring::Captions && !raw.is_empty() {
        return Err(error(place, Unsound::ScoresOfCaptions));
    }
    let mut scorers = Scorers::default();
    for (index, score) in raw.into_iter().enumerate() {
        let place = place.item(index);
        let (name, slot) = match score {
            RawScore::ClipScore(name) => (name, &mut scorers.clip),
            RawScore::Similarity(name) => (name, &mut scorers.sentences),
        };
        if slot.is_some() {
            return Err(error(place, Unsound::ScoreTwice));
        }
        if !known.is_empty() && !known.contains(&name) {
            let known = known.join(", ");
            return Err(error(place.item(0), Unsound::NoScorer { found: name, known }));
        }
        *slot = Some(name);
    }
    Ok(scorers)
}

fn gates(
    raw: Vec<RawGate>,
    known: &[(&'static str, Figure)],
    place: RonPlace<'_>,
) -> Result<Vec<Gate>, CaseError> {
    let mut gates: Vec<Gate> = Vec::with_capacity(raw.len());
    for (index, RawGate { metric, min }) in raw.into_iter().enumerate() {
        let place = place.item(index);
        let Some((name, figure)) = known.iter().find(|(name, _)| *name == metric.0) else {
            let known = known.iter().map(|(name, _)| *name).collect::<Vec<_>>().join(", ");
            return Err(error(place.field("metric"), Unsound::NoFigure { found: metric.0, known }));
        };
        if gates.iter().any(|gate| gate.name == *name) {
            return Err(error(place, Unsound::GateTwice(name)));
        }
        if !min.is_finite() {
            let expected = "a finite number";
            let unsound = Unsound::Range { what: "min", found: min, expected };
            return Err(error(place.field("min"), unsound));
        }
        gates.push(Gate { name, figure: *figure, min });
    }
    Ok(gates)
}
