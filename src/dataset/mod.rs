/*!
Official data sets as tests: a `*.dataset.ron` names files, and each row becomes a case.

A data set is opened by listing its rows ([`Dataset::open`]), for which no picture is opened and no
more is read than the ids; the rows that are wanted are then read in full ([`Dataset::rows`]).
Files are read row by row, however large. Knows nothing of how models work or how a run is carried
out.
# What a `.dataset.ron` says

```ron
// cases/vqav2_val.dataset.ron
(
    source: Vqa(questions: "v2_OpenEnded_mscoco_val2014_questions.json",
                annotations: "v2_mscoco_val2014_annotations.json",
                images: "val2014/COCO_val2014_{image_id:012}.jpg"),
    sample: Seeded(count: 50, seed: 7),
    prompt: "{question}\nAnswer the question using a single word or phrase.",
    gate: [(metric: vqa_accuracy, min: 0.70)],
)
```

| field | what it says |
|---|---|
| `source` | the layout and its files, see below; paths are relative to the file, those of pictures to the folder's `image_folder` if it has one |
| `sample` | `First(n)`, `Seeded(count: n, seed: s)`, `Ids([..])` or `ByStratum(column: "..", count: n, seed: s)`; all rows if left out, fewer if there are not as many |
| `prompt` | the question, with `{column}` for what the row has; `{image_id:012}` fills up with zeros, `{{` is a bracket; `<image>` as in cases |
| `metric` | the [metric](crate::case::Metric) of a row, if not the layout's usual one |
| `row_min` | the least that a row needs to pass, from 0 to 1; if left out, anything above 0, and for boxes an IoU of 0.5 |
| `gate` | `[(metric: .., min: ..)]`: demands on a figure over all rows |
| `scores` | of captions: `[ClipScore("clip"), Similarity("minilm")]`, by networks that `scorers` of `eyechart.ron` names |
| `rows` | `Judged`: a wrong row fails its test; `Recorded`: it does not, the gates judge. Without it, `Recorded` if there is a gate, and for captions |
| others | `orientation`, `system`, `preset`, `dimension`, `models`, `generation`, `snapshot` (`Off` if left out), `tags`, `ignore`, `xfail` as in cases |

A row's test is `folder::dataset::id::model`, a gate's `folder::dataset::gate_metric::model`. What
no name may hold becomes `_` in an id. A gate needs all rows: if none of them was selected (by a
filter, or by nextest, which runs each test by itself) the gate runs them; if only some were, it
is ignored and says so. It fails if a row has no answer.

| source | rows | usual metric |
|---|---|---|
| `Vqa(questions, annotations, images)` | VQA v2, OK-VQA; without `annotations` nothing is compared | `vqa_accuracy` |
| `CocoCaptions(annotations, images)` | the images of COCO's caption files; `{file_name}` | captions |
| `Karpathy(file, split, images)` | the images of a split of `dataset_coco.json` (`{filepath}/{filename}`) or `dataset_flickr30k.json` (`{filename}`) | captions |
| `RefCoco(refs, instances, split, images)` | the sentences of `refs(unc).p`; `{question}`, `{file_name}` | boxes |
| `TextVqa(file, images)` | `{data: [..]}` | `textvqa_accuracy` |
| `Gqa(questions, images)` | `{id: {..}}`; `{imageId}` | `exact_match_lmms_eval` |
| `DocVqa(file, images)` | `{data: [..]}`; `{image}` | `anls` |
| `ChartQa(file, images)` | `[{imgname, query, label}]`, numbered from 1 | `relaxed_accuracy` |
| `Pope(file, images)` | JSON lines; `{image}` | `pope` |
| `Mme(folder)` | the lines of `category/picture.txt` | `mme` |
| `VlmEvalKit(file, images)` | TSV with pictures in base64, or named by `images`; MMBench and its rotations | `mmbench` |
| `Blink(file, images)` | JSON lines `{idx, sub_task, question, choices, answer: "(A)", image_1, ..}` | `blink_lmms_eval` |
| `MuirBench(file, images)` | JSON lines `{idx, task, question, options, answer: "A", image_list}` | `muirbench` |
| `ScienceQa(file, split, splits, images)` | `problems.json`, or JSON lines `{id, question, choices, answer: 0, image}`; those with a picture | `mmbench` |
| `SeedBench(file, images)` | `SEED-Bench.json`; the questions about pictures; `{data_id}` | `mmbench` |
| `VizWiz(file, images)` | `val.json`, `test.json`; `{image}` | `vqa_accuracy` |
| `LmmsLab(set, files)` | the hub's parquet layouts that lmms-eval reads: `VqaV2`, `Gqa` (its pictures are in files of their own, `images`), `CocoCaption`, `RefCoco` (a row for each expression), `TextVqa`, `Pope`, `Mme`, `MmBench`, `Blink`, `MuirBench`, `DocVqa`, `ChartQa`, `ScienceQa`, `MmStar`, `SeedBench`, `VizWiz`, `Flickr30k`; `files` are globs; needs the feature `parquet` | as above |
| `Csv(file, columns, images)`, `Tsv(..)`, `Jsonl(..)`, `Parquet(files, ..)` | any table; `columns: (id, image, image_base64, answer, options, xyxy, xywh, captions, group)` | `exact_match`, `mmbench`, boxes or captions |

What each layout takes of its official file, and what is refused, is in `docs/datasets.md`.

`{options}` is the list of options, a line `A. red` each, and `{question}` is there in all but
caption files. Figures for gates: the row's metric (its mean), `accuracy` (the share of rows that
pass) and `accuracy_over_groups`; for POPE `precision`, `recall`, `f1`, `yes_ratio`; for MME
`mme_perception`, `mme_cognition`, `mme_total`; for choices `circular`, `vanilla`; for boxes
`mean_iou`, `acc_at_0_5` (and 1, 3, 7, 9), `center_acc`, `accuracy`; for captions `bleu_1` to `bleu_4`,
`rouge_l`, `cider_d`, `cider`, which are figures of the whole and give rows no verdict, and what
`scores` adds: `clip_score`, `ref_clip_score`, `sentence_similarity` (means over rows).
*/

use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::case::{
    Case, CaseError, CaseName, ClipScoreExpectation, DatasetFile, Dimension, Expectation,
    LabelledBox, MetricExpectation, ModelPattern, PersonAnswer, Problem, RonSource, Runs,
    SimilarityExpectation, SnapshotPer, SnapshotPolicy, TruthKind, ask,
};
use crate::geometry::PixelBox;

mod base64;
mod definition;
mod error;
mod fields;
mod figure;
mod frame;
mod import;
mod json;
mod layout;
#[cfg(feature = "parquet")]
mod parquet;
#[cfg(not(feature = "parquet"))]
#[path = "parquet_absent.rs"]
mod parquet;
mod pickle;
mod picture;
mod picture_place;
mod python_literal;
mod python_number;
mod record;
mod sample;
mod schema;
mod table;
mod template;
mod text_file;

pub use definition::Gate;
pub use figure::{AnsweredRow, FigureError, FigureValue};
pub use import::{ImportError, import};
pub use layout::refcoco::{ReferSentence, refer_sentences};
pub use picture::Pictures;
pub use schema::RowTests;

pub(crate) use fields::Fields;
pub(crate) use record::scalar;
pub(crate) use table::Separator;
pub(crate) use text_file::Encoding;

use definition::{Definition, Scorers};
use error::{DataError, DataPlace, DataProblem};
use figure::Scoring;
use layout::{BadRow, Draft, DraftImage, Layout, Truth};
use picture::{Found, Look, Sizes};
use picture_place::PicturePlace;
use sample::{Head, Sample};

/// The longest name of a row, in bytes: file systems take 255, and snapshots and pictures add to it.
const LONGEST_NAME: usize = 200;

/// A data set whose rows are listed but not read.
#[derive(Debug)]
pub struct Dataset {
    name: CaseName,
    path: PathBuf,
    definition: Definition,
    heads: Vec<Head>,
}

/// A row that can be run.
#[derive(Debug, Clone)]
pub struct Row {
    /// The id as in the file.
    pub id: String,
    /// The row as a case.
    pub case: Arc<Case>,
    /// The question as the template makes it.
    pub prompt: String,
    /// What people wrote, where captions are compared.
    pub captions: Vec<String>,
    /// Category, task or type of answer; empty where the layout has none.
    pub group: String,
    /// What rows about the same picture share.
    pub cluster: String,
}

impl Gate {
    /// The name of the figure.
    pub fn metric(&self) -> &'static str {
        self.name
    }

    /// The least that is demanded.
    pub fn min(&self) -> f64 {
        self.min
    }

    /// The figure over all rows of the data set, in their order.
    ///
    /// # Errors
    /// The rows have nothing to compare with, or what models said cannot be tokenized.
    pub fn figure(&self, rows: &[AnsweredRow<'_>]) -> Result<FigureValue, FigureError> {
        self.figure.of(rows)
    }
}

impl Dataset {
    /// Checks the definition and lists the rows that the sample takes.
    ///
    /// # Errors
    /// The definition or a file is not as it should be; names the place.
    pub fn open(file: &DatasetFile) -> Result<Self, CaseError> {
        let source = RonSource::read(&file.path)?;
        let definition = Definition::check(file, &source)?;
        let place = source.root();
        let listed = definition.layout.heads(definition.sample.column())?;
        if listed.rows.is_empty() {
            let problem = DataProblem::NoRows { expected: "rows" };
            return Err(DataError::new(definition.layout.path(), DataPlace::File, problem).into());
        }
        definition.check_templates(&listed, place)?;
        refuse_repeated_ids(&*definition.layout, &listed.rows)?;
        let heads = definition.sample.take(listed.rows).map_err(|index| {
            let Sample::Ids(ids) = &definition.sample else {
                return place.field("sample").error(Problem::DataSet(String::new()));
            };
            let problem = format!("no row has the id {}", ids[index]);
            place.field("sample").item(0).item(index).error(Problem::DataSet(problem))
        })?;
        let dataset = Self { name: file.name.clone(), path: file.path.clone(), definition, heads };
        dataset.refuse_equal_names()?;
        Ok(dataset)
    }

    /// Its name, which begins the names of its rows and gates.
    pub fn name(&self) -> &CaseName {
        &self.name
    }

    /// The file that defines it.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Number of rows that the sample takes.
    pub fn len(&self) -> usize {
        self.heads.len()
    }

    /// Whether there is no row, which no open data set is.
    pub fn is_empty(&self) -> bool {
        self.heads.is_empty()
    }

    /// The names of the rows, in order.
    pub fn row_names(&self) -> impl ExactSizeIterator<Item = CaseName> {
        self.heads.iter().map(|head| self.row_name(&head.id))
    }

    /// The demands on all rows together.
    pub fn gates(&self) -> &[Gate] {
        &self.definition.gates
    }

    /// The name of a gate's test.
    pub fn gate_name(&self, gate: &Gate) -> CaseName {
        self.name.child(&format!("gate_{}", gate.name))
    }

    /// Whether a wrong row fails its test.
    pub fn row_tests(&self) -> RowTests {
        self.definition.row_tests
    }

    /// Whether it is meant for the model of this name.
    pub fn runs_on(&self, model: &str) -> bool {
        let models: &[ModelPattern] = &self.definition.common.models;
        models.is_empty() || models.iter().any(|pattern| pattern.matches(model))
    }

    /// Whether networks score its rows' answers.
    pub fn needs_opinion(&self) -> bool {
        self.definition.scorers != Scorers::default()
    }

    /// Why it does not run, if it does not.
    pub fn ignored(&self) -> Option<&str> {
        self.definition.common.ignore.as_deref()
    }

    /// What is kept of each row for review.
    pub fn snapshot(&self) -> SnapshotPolicy {
        self.definition.common.snapshot
    }

    /// What its rows test.
    pub fn dimension(&self) -> Dimension {
        let usual = match self.definition.scoring {
            Scoring::Metric(_) => Dimension::QuestionAnswering,
            Scoring::Boxes { .. } => Dimension::Grounding,
            Scoring::Captions => Dimension::Description,
        };
        self.definition.common.dimension.unwrap_or(usual)
    }

    /// Free words to filter reports by.
    pub fn tags(&self) -> &[String] {
        &self.definition.common.tags
    }

    /// Reads the rows at these places of [`Self::row_names`], in their order.
    ///
    /// # Errors
    /// A file is not as it should be, or a row is not; names the place.
    pub fn rows(&self, wanted: &[usize], pictures: Pictures<'_>) -> Result<Vec<Row>, CaseError> {
        self.each_row(wanted, pictures)?.into_iter().collect()
    }

    /// As [`Self::rows`], where a row that cannot be asked (its picture is not there, say) leaves the others
    /// as they are.
    ///
    /// # Errors
    /// A file is not as it should be; names the place.
    pub fn each_row(
        &self,
        wanted: &[usize],
        pictures: Pictures<'_>,
    ) -> Result<Vec<Result<Row, CaseError>>, CaseError> {
        let ids: Vec<&str> = wanted.iter().map(|index| self.heads[*index].id.as_str()).collect();
        let mut drafts = self.drafts(&ids.iter().copied().collect())?;
        let row = |id: &&str| match drafts.remove(*id) {
            Some(draft) => {
                Ok(draft.map_err(CaseError::from).and_then(|one| self.row(one, pictures)))
            }
            None => {
                let problem = DataProblem::NoRows { expected: "the rows that were listed" };
                let path = self.definition.layout.path();
                Err(DataError::new(path, DataPlace::File, problem).into())
            }
        };
        ids.iter().map(row).collect()
    }

    /// Drafts by id, with the pictures that they take from other rows.
    fn drafts(&self, wanted: &HashSet<&str>) -> Result<ById, DataError> {
        let layout = &self.definition.layout;
        let mut drafts = layout.drafts(wanted)?;
        let lenders: HashSet<String> = drafts.iter().flatten().filter_map(lender).collect();
        if !lenders.is_empty() {
            let lenders = layout.drafts(&lenders.iter().map(String::as_str).collect())?;
            let lent: HashMap<String, Vec<DraftImage>> =
                lenders.into_iter().flatten().map(|draft| (draft.id, draft.images)).collect();
            drafts = drafts.into_iter().map(|draft| lend(draft?, &lent)).collect();
        }
        let by_id = |draft: Result<Draft, BadRow>| match draft {
            Ok(draft) => (draft.id.clone(), Ok(draft)),
            Err(BadRow { id, error }) => (id, Err(error)),
        };
        Ok(drafts.into_iter().map(by_id).collect())
    }

    /// What is asked in a row, which must ask something: a question that is not there, or is a list, is none.
    fn prompt(&self, draft: &Draft) -> Result<String, DataProblem> {
        const QUESTION: &str = "question";
        let template = &self.definition.prompt;
        let prompt = template.fill(&draft.values);
        let is_asked = template.names().any(|name| name == QUESTION);
        let lacks_question = is_asked && value(draft, QUESTION).trim().is_empty();
        match lacks_question || prompt.trim().is_empty() {
            false => Ok(prompt),
            true => Err(DataProblem::Field {
                name: if lacks_question { QUESTION } else { "prompt" }.to_owned(),
                found: "empty".to_owned(),
                expected: "a text, since this row would ask nothing",
            }),
        }
    }

    fn row(&self, draft: Draft, pictures: Pictures<'_>) -> Result<Row, CaseError> {
        let error = |problem| CaseError::from(DataError::new(&draft.path, draft.place, problem));
        let name = self.row_name(&draft.id);
        let sizes = match draft.truth {
            Truth::Box(_) => Sizes::Wanted,
            _ => Sizes::IfChecked,
        };
        let look = Look { pictures, sizes, viewing: self.definition.common.orientation };
        let found = self.images(&draft, &name, look).map_err(error)?;
        frame::check(&draft, &found).map_err(error)?;
        let images: Vec<PathBuf> = found.into_iter().map(|found| found.path).collect();
        let prompt = self.prompt(&draft).map_err(error)?;
        let common = &self.definition.common;
        let conversation = ask(common.system.clone(), prompt.clone(), images.len());
        let conversation = conversation.map_err(|markers| {
            error(DataProblem::Picture(format!(
                "{markers} <image> in the prompt of this row, and {} pictures",
                images.len()
            )))
        })?;
        let expectation = self.expectation(&draft).map_err(error)?;
        let captions = match draft.truth {
            Truth::Captions(captions) => captions,
            _ => Vec::new(),
        };
        let several = images.len() > 1 && common.dimension.is_none();
        let case = Case {
            name,
            path: self.path.clone(),
            line: None,
            dimension: if several { Dimension::SeveralImages } else { self.dimension() },
            images,
            orientation: common.orientation,
            conversation,
            preset: common.preset,
            expectation,
            models: common.models.clone(),
            generation: common.generation,
            snapshot: common.snapshot,
            snapshot_per: SnapshotPer::Model,
            allow_near_tie: None,
            runs: Runs::ONCE,
            tags: common.tags.clone(),
            ignore: common.ignore.clone(),
            xfail: common.xfail.clone(),
        };
        let Draft { id, group, cluster, .. } = draft;
        Ok(Row { id, case: Arc::new(case), prompt, captions, group, cluster })
    }

    fn images(
        &self,
        draft: &Draft,
        name: &CaseName,
        look: Look<'_>,
    ) -> Result<Vec<Found>, DataProblem> {
        let beside = self.path.parent().unwrap_or(Path::new(""));
        let folder = self.definition.common.image_folder.as_deref().unwrap_or(beside);
        let template = self.definition.layout.images().map_or("", |images| images.folder());
        let place = PicturePlace::new(&self.path, folder, template);
        let resolve = |(number, image): (usize, &DraftImage)| match image {
            DraftImage::File(image) => picture::file(place.resolve(image)?, look),
            DraftImage::Beside(path) => picture::file(path.clone(), look),
            DraftImage::Base64(text) => {
                picture::unpack(text, &format!("{}_{}", name.snapshot_stem(), number + 1), look)
            }
            DraftImage::Shared { name: own, base64 } => {
                let stem = self.row_name(own).snapshot_stem();
                picture::unpack(base64, &stem, look)
            }
            DraftImage::SameAs(id) => Err(DataProblem::Picture(format!(
                "the picture is that of row {id}, which has none"
            ))),
        };
        draft.images.iter().enumerate().map(resolve).collect()
    }

    fn expectation(&self, draft: &Draft) -> Result<Option<Expectation>, DataProblem> {
        Ok(match (self.definition.scoring, &draft.truth) {
            (Scoring::Boxes { min_iou }, Truth::Box([x1, y1, x2, y2])) => {
                let bounds = PixelBox::new(*x1, *y1, *x2, *y2).map_err(|_| DataProblem::Field {
                    name: "the box".to_owned(),
                    found: format!("{:?}", [x1, y1, x2, y2]),
                    expected: "x1 < x2 and y1 < y2",
                })?;
                let label = value(draft, "question").to_owned();
                Some(Expectation::Boxes { truth: vec![LabelledBox { label, bounds }], min_iou })
            }
            (Scoring::Metric(metric), truth) => {
                let Some((answers, options)) = answers(truth) else { return Ok(None) };
                let min = self.definition.row_min;
                let expected = MetricExpectation { metric, answers, options, min };
                check_truth(&expected)?;
                Some(Expectation::Metric(expected))
            }
            (Scoring::Captions, Truth::Captions(captions)) => self.measures(captions),
            _ => None,
        })
    }

    /// The scores of a caption that networks are asked for.
    fn measures(&self, captions: &[String]) -> Option<Expectation> {
        let Scorers { clip, sentences } = &self.definition.scorers;
        let references = || captions.to_vec();
        let clip = clip.clone().map(|scorer| {
            let references = references();
            Expectation::ClipScore(ClipScoreExpectation { scorer, references, min: None })
        });
        let sentences = sentences.clone().map(|scorer| {
            let references = references();
            Expectation::Similarity(SimilarityExpectation { scorer, references, min: None })
        });
        let measures: Vec<Expectation> = clip.into_iter().chain(sentences).collect();
        (!measures.is_empty()).then_some(Expectation::All(measures))
    }

    fn row_name(&self, id: &str) -> CaseName {
        self.name.child(id)
    }

    /// Two ids may differ only in what no name can hold.
    fn refuse_equal_names(&self) -> Result<(), CaseError> {
        let gates = self.gates().iter().map(|gate| (self.gate_name(gate), "a gate".to_owned()));
        let mut names: HashMap<CaseName, String> = gates.collect();
        names.reserve(self.heads.len());
        for head in &self.heads {
            let length = self.row_name(&head.id).snapshot_stem().len();
            if length > LONGEST_NAME {
                let message = format!(
                    "the id makes a name of {length} bytes, expected at most {LONGEST_NAME}, since \
                     files are named by it"
                );
                let path = self.definition.layout.path();
                let problem = DataProblem::Table(message);
                return Err(DataError::new(path, place_of(head), problem).into());
            }
            let Some(other) = names.insert(self.row_name(&head.id), head.id.clone()) else {
                continue;
            };
            let name = self.row_name(&head.id);
            let message = format!("{other} and {} would both be named {name}", head.id);
            let path = self.definition.layout.path();
            let problem = DataProblem::Table(message);
            return Err(DataError::new(path, place_of(head), problem).into());
        }
        Ok(())
    }
}

/// The rows of a table by the names of its columns.
pub(crate) fn table_rows(
    path: &Path,
    separator: Separator,
) -> Result<Vec<serde_json::Map<String, serde_json::Value>>, CaseError> {
    let mut rows = Vec::new();
    table::for_each(path, separator, &mut |record| {
        rows.push(record.into_fields());
        Ok(())
    })?;
    Ok(rows)
}

/// The rows of a parquet file without their pictures.
pub(crate) fn hub_rows(
    path: &Path,
) -> Result<Vec<serde_json::Map<String, serde_json::Value>>, CaseError> {
    let mut rows = Vec::new();
    parquet::for_each(path, record::PictureColumns::Skipped, &mut |record| {
        rows.push(record.into_fields());
        Ok(())
    })?;
    Ok(rows)
}

/// The questions of MME's folder, by the picture that two of them share.
pub(crate) fn mme_rows(
    folder: &Path,
) -> Result<Vec<serde_json::Map<String, serde_json::Value>>, CaseError> {
    let row = |draft: Draft| {
        let values = draft.values.into_iter().chain([("question_id".to_owned(), draft.cluster)]);
        values.map(|(name, value)| (name, serde_json::Value::String(value))).collect()
    };
    Ok(layout::mme::Mme { folder: folder.to_owned() }.all()?.into_iter().map(row).collect())
}

/// The items of a cell that is a Python list.
pub(crate) fn text_list(cell: &str) -> Option<Vec<String>> {
    let items = python_literal::list(cell).ok()?;
    Some(items.into_iter().map(python_literal::Literal::into_text).collect())
}

fn refuse_repeated_ids(layout: &dyn Layout, heads: &[Head]) -> Result<(), DataError> {
    let mut seen: HashSet<&str> = HashSet::with_capacity(heads.len());
    match heads.iter().find(|head| !seen.insert(&head.id)) {
        None => Ok(()),
        Some(head) => {
            let problem = DataProblem::Duplicate { what: layout.id_name(), id: head.id.clone() };
            Err(DataError::new(layout.path(), place_of(head), problem))
        }
    }
}

/// Where a row begins; files without lines have no such place.
fn place_of(head: &Head) -> DataPlace {
    if head.offset == 0 { DataPlace::File } else { DataPlace::Row(head.offset) }
}

type ById = HashMap<String, Result<Draft, DataError>>;

/// The draft with the pictures of the row that it names.
fn lend(mut draft: Draft, lent: &HashMap<String, Vec<DraftImage>>) -> Result<Draft, BadRow> {
    let Some(id) = lender(&draft) else { return Ok(draft) };
    match lent.get(&id) {
        Some(images) => {
            draft.images = images.clone();
            Ok(draft)
        }
        None => {
            let message = format!("the picture is that of row {id}, which is not there");
            let problem = DataProblem::Picture(message);
            let error = DataError::new(&draft.path, draft.place, problem);
            Err(BadRow { id: draft.id, error })
        }
    }
}

/// The row whose picture a draft takes.
fn lender(draft: &Draft) -> Option<String> {
    match draft.images.first() {
        Some(DraftImage::SameAs(id)) => Some(id.clone()),
        _ => None,
    }
}

fn value<'d>(draft: &'d Draft, name: &str) -> &'d str {
    let found = draft.values.iter().rev().find(|(known, _)| known == name);
    found.map_or("", |(_, value)| value.as_str())
}

/// Answers and options, if the truth is of that kind.
fn answers(truth: &Truth) -> Option<(Vec<PersonAnswer>, Vec<String>)> {
    match truth {
        Truth::People(people) => Some((people.clone(), Vec::new())),
        Truth::YesNo(label) => Some((PersonAnswer::of_persons([label.clone()]), Vec::new())),
        Truth::Choice { options, answer } => {
            Some((PersonAnswer::of_persons([answer.clone()]), options.clone()))
        }
        Truth::Box(_) | Truth::Captions(_) | Truth::Unknown => None,
    }
}

fn check_truth(expected: &MetricExpectation) -> Result<(), DataProblem> {
    let MetricExpectation { metric, answers, options, .. } = expected;
    let answer = answers.first().map_or("", |answer| answer.text.as_str());
    let (is_right, wanted) = match metric.truth() {
        TruthKind::Answers => (!answers.is_empty(), "at least one answer"),
        TruthKind::YesNo => {
            (matches!(answer.trim().to_lowercase().as_str(), "yes" | "no"), "yes or no")
        }
        TruthKind::Choice => {
            let named = ('A'..='Z').zip(options).find(|(letter, _)| answer == letter.to_string());
            (named.is_some_and(|(_, text)| !text.is_empty()), "the letter of an option")
        }
    };
    match is_right {
        true => Ok(()),
        false => Err(DataProblem::Field {
            name: "the answer".to_owned(),
            found: format!("{answer:?}"),
            expected: wanted,
        }),
    }
}
