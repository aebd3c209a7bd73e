/*!
Eval cases: the RON schema, its checking, discovery, and the defaults of a folder.

What the user wrote (`schema`, serde only, unknown fields refused) becomes what the program
trusts ([`Case`]) in one fallible step, with file, line and column in every error. Knows nothing
of how models work or how a run is carried out.
# What a case file says

A case is one RON file; `Some` may be left out everywhere, and unknown fields are errors.

| field | what it says |
|---|---|
| `images` | files, at least one, relative to the case file or to the folder's `image_folder` |
| `orientation` | `Upright` (default): pictures are turned as their EXIF says, as viewers show them, and boxes are in that frame; `Stored` keeps the pixels as they lie in the file |
| `prompt` | the question; or `turns: [User(".."), Assistant(".."), User("..")]` in its place |
| `system` | the system prompt; `""` for none where the family or the folder has one |
| `preset` | `Description`, `ShortAnswer`, `Choice` or `Grounding`: each family asks in its own words, see below; `AsWritten` undoes a folder's |
| `expect` | what is right, see below; without it the snapshot alone judges |
| `dimension` | `Description`, `QuestionAnswering`, `Grounding` or `SeveralImages` |
| `id` | the case's name in place of the file's |
| `models` | globs over the models it is meant for; all if left out |
| `generation` | `max_new_tokens`, `min_new_tokens`, `temperature`, `top_p`, `top_k`, `seed`, `repetition_penalty`, `num_beams`, `length_penalty`, `early_stopping` (`Heuristic`, `FirstFinished` or `Never`) |
| `snapshot` | `Text` (default), `Input`, `Both` or `Off`: keeps the answer's text, or the [input](crate::answer::ModelInput) that the model got, which needs no weights |
| `snapshot_per` | `Model` (default), or `DeviceClass`: a snapshot of the answer for each of cpu, cuda and metal |
| `allow_near_tie` | accepts an answer that differs from the snapshot, if its first other token was ahead of the snapshot's by less than this in logits; see [`NEAR_TIE`](crate::snapshot::NEAR_TIE) |
| `runs` | `(times: 5, need: 4)`: asks five times, with the seeds `seed`, `seed` + 1, ..., and passes if four answers are right; the snapshot is the first answer's |
| `tags` | words to filter reports by |
| `ignore` | why it does not run |
| `xfail` | `{"glob": "reason"}`: models on which it must fail; the first glob that matches counts |

The pictures stand before the user's first words, unless `<image>` markers in the text say where:
then there is one for each picture, in order. Texts are kept to the letter. Without a `dimension`
a case with `Boxes` or the preset `Grounding` counts as grounding, one with several pictures as
such, one with `Facts` or the preset `Description` as description, and any other as question answering.

With a `preset` the last turn is put into the words that the authors of the model's family use for
such a task, and generation is theirs too, option by option unless `generation` says otherwise
([`crate::preset`] has the table). A `ShortAnswer` is asked for with the question alone, a `Choice`
with the question alone too (the options are those of the case's `Choice` expectation, listed in the
family's manner), `Grounding` with the words for the thing, such as "the red car on the left". A
`Description` may do without a `prompt`: the family then asks by itself.

| expectation | holds if the answer |
|---|---|
| `Exact("red")` | is this text, [normalised](crate::extract::normalize) |
| `AnyOf(["red", "红色"])` | is one of these, normalised |
| `Contains("red car")` | has these words in it, normalised |
| `Regex("^[AB]$")` | as it is matches somewhere |
| `Number(value: 3, tolerance: 0.5)` | gives one [number](crate::extract::number), this or near it; `tolerance` is 0 if left out |
| `YesNo(Yes)` | says [yes or no](crate::extract::yes_no) |
| `Choice(options: ["red", "blue"], answer: "A")` | names this [option](crate::extract::choice) |
| `Facts(facts: [(any: [".."], partial: [".."], weight: 2.0)], forbidden: [(any: [".."], cost: 1.0)], min: 4.0)` | earns enough [points](crate::score::facts); `weight` is 1 and `min` 4 if left out |
| `Boxes(truth: [(label: "car", xyxy: (31, 120, 98, 160))], min_iou: 0.5)` | draws these [boxes](crate::score::boxes), in pixels of the first picture; `min_iou` is 0.5 if left out |
| `Metric(name: vqa_accuracy, answers: ["red", ..], options: [..], min: 0.3)` | is worth that by an official [metric](Metric), or more than 0 if `min` is left out; `options` for choices, whose answer is a letter |
| `Judge(model: "qwen3-vl-8b", rubric: "..", min: 3.0, pictures: Hidden)` | earns enough marks out of 5 from a [judge](crate::score::advised), another model of the registry; `min` is 3 and `pictures` `Shown` if left out |
| `Preferred(model: "qwen3-vl-8b", rubric: "..", over: "A cat.", min: 3.0)` | is preferred by the judge to this other answer, asked twice with the two in swapped positions; 5 marks if both times, 2.5 for a draw |
| `ClipScore(scorer: "clip", references: [..], min: 0.7)` | fits the first picture as its caption, by [CLIPScore](crate::score::clip_score), or RefCLIPScore if there are `references` |
| `Similarity(scorer: "minilm", references: [".."], min: 0.8)` | is as near in meaning to one of these, by the cosine of sentence embeddings |
| `All([..])`, `Any([..])`, `Not(..)` | fits all, one, or not; an answer that cannot be read fits no `Not` |

A `defaults.ron` holds for its folder and those in it, and sets `image_folder` (relative to
itself), `orientation`, `dimension`, `system`, `preset`, `models`, `generation`, `snapshot`, `snapshot_per`,
`allow_near_tie`, `runs`, `tags`, `ignore` and `xfail`.
What is said nearer to the case wins, field by field and within `generation` option by option; tags
add up. If it is wrong, it and every case below it fail.

A file that ends in `.dataset.ron` is a data set, see [`crate::dataset`].

A case is named after its folders and file, `folder::case`. Names whose snapshots would share a
file on some system (they differ in case alone, or by `::` against `__`) are errors in each file.
*/

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::image::Viewing;
use crate::request::{Conversation, Task};

mod advised;
mod check;
mod defaults;
mod discover;
mod error;
mod expectation;
mod found;
mod generation;
mod known;
mod lookalike;
mod metric;
mod name;
mod outline;
mod pattern;
mod picture;
mod place;
mod runs;
mod schema;
mod source;
mod suggestion;
mod syntax;

pub use advised::{
    ClipScoreExpectation, JudgeExpectation, PreferenceExpectation, SimilarityExpectation,
};
pub(crate) use check::{Common, StatedCommon, ask, common};
pub use discover::{Checks, DatasetFile, Discovered, InvalidCase, discover};
pub use error::{CaseError, DiscoveryError, Position, Problem};
pub use expectation::{
    Expectation, Fact, FactSheet, ForbiddenFact, LabelledBox, TextPattern, YesOrNo,
};
pub use found::{Demands, FoundCase, Traits};
pub use generation::GenerationOverrides;
pub use known::KnownNames;
pub use metric::{Metric, MetricExpectation, PersonAnswer, TruthKind};
pub use name::CaseName;
pub use pattern::{KnownFailure, ModelPattern};
pub(crate) use picture::{
    missing as missing_picture, size as picture_size, whole as whole_picture,
};
pub(crate) use place::Place as RonPlace;
pub use runs::{Runs, seed_of_run};
pub(crate) use schema::RawPreset;
pub(crate) use source::Source as RonSource;
pub(crate) use syntax::parse as parse_ron;

/// What a case tests, and thereby the row of the report in which it counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Dimension {
    /// How well a picture is described.
    Description,
    /// Questions about one picture.
    QuestionAnswering,
    /// Finding things: boxes.
    Grounding,
    /// Reasoning over more than one picture.
    SeveralImages,
}

impl Dimension {
    /// All of them, in the order of reports.
    pub const ALL: [Self; 4] =
        [Self::Description, Self::QuestionAnswering, Self::Grounding, Self::SeveralImages];

    /// Its name in reports.
    pub fn label(self) -> &'static str {
        match self {
            Self::Description => "description",
            Self::QuestionAnswering => "question answering",
            Self::Grounding => "grounding",
            Self::SeveralImages => "several images",
        }
    }
}

impl fmt::Display for Dimension {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.label())
    }
}

/// What of a trial is kept as a reviewable snapshot.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename = "Snapshot")]
pub enum SnapshotPolicy {
    /// The answer's text.
    Text,
    /// What the model got. Without an expectation nothing else is asked of the model, and its
    /// weights are not loaded.
    Input,
    /// The answer's text, and what the model got.
    Both,
    /// Nothing.
    Off,
}

impl SnapshotPolicy {
    /// Whether the answer's text is kept.
    pub fn keeps_text(self) -> bool {
        matches!(self, Self::Text | Self::Both)
    }

    /// Whether the model's input is kept.
    pub fn keeps_input(self) -> bool {
        matches!(self, Self::Input | Self::Both)
    }
}

/// What shares a snapshot of the answer's text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
pub enum SnapshotPer {
    /// All devices: what a model says must not depend on where it runs.
    Model,
    /// Each class of devices has a snapshot of its own.
    DeviceClass,
}

/// A checked eval case.
#[derive(Debug, Clone, PartialEq)]
pub struct Case {
    /// Unique name.
    pub name: CaseName,
    /// The case file.
    pub path: PathBuf,
    /// Line of the file on which the case begins, from 1; none for a row of a data set.
    pub line: Option<usize>,
    /// The pictures' files, in the order in which [`Conversation`] indexes them.
    pub images: Vec<PathBuf>,
    /// Whether the pictures are turned as their files say.
    pub orientation: Viewing,
    /// What is asked.
    pub conversation: Conversation,
    /// What kind of answer is asked for, if the model's family is to ask in its own words.
    pub preset: Option<Task>,
    /// What is expected; none means that the snapshot alone judges.
    pub expectation: Option<Expectation>,
    /// What is tested.
    pub dimension: Dimension,
    /// The models it runs on, out of those chosen for the run; empty means all of them.
    pub models: Arc<[ModelPattern]>,
    /// Generation options it sets.
    pub generation: GenerationOverrides,
    /// What is kept for review.
    pub snapshot: SnapshotPolicy,
    /// What shares a snapshot.
    pub snapshot_per: SnapshotPer,
    /// Accepts an answer that leaves the snapshot's at a token whose logit was ahead of the
    /// snapshot's token by less than this.
    pub allow_near_tie: Option<f32>,
    /// How often it is run.
    pub runs: Runs,
    /// Free words to filter reports by.
    pub tags: Vec<String>,
    /// Why it does not run, if it does not.
    pub ignore: Option<String>,
    /// Models on which it is known to fail.
    pub xfail: Vec<KnownFailure>,
}

impl Case {
    /// Whether it is meant for the model of this name.
    pub fn runs_on(&self, model: &str) -> bool {
        runs_on(&self.models, model)
    }

    /// What it asks for that not every model can do.
    pub fn demands(&self) -> Demands {
        Demands {
            pictures: self.conversation.image_order().count(),
            boxes: self.expectation.as_ref().is_some_and(Expectation::needs_boxes),
            preset: self.preset,
        }
    }

    /// The seed that the nth run, from 0, draws with.
    pub fn seed(&self, run: usize) -> u64 {
        seed_of_run(self.generation.seed.unwrap_or_default(), run)
    }

    /// Whether only the model's input matters, not its answer.
    pub fn is_about_input(&self) -> bool {
        self.expectation.is_none() && self.snapshot == SnapshotPolicy::Input
    }

    /// The first of its known failures that is about the model of this name.
    pub fn known_failure(&self, model: &str) -> Option<&KnownFailure> {
        self.xfail.iter().find(|failure| failure.models.matches(model))
    }
}

fn runs_on(models: &[ModelPattern], model: &str) -> bool {
    models.is_empty() || models.iter().any(|pattern| pattern.matches(model))
}
