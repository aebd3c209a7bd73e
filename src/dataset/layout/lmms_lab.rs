//! The hub's parquet layouts that lmms-eval reads, `lmms-lab/VQAv2` and its like: which column is
//! what in each.

use std::path::PathBuf;

use serde::Deserialize;

use super::{Compared, DraftImage, Format, Id, Reading, RowLayout, Truth, letter, listed};
use crate::case::{Metric, PersonAnswer};
use crate::dataset::error::DataError;
use crate::dataset::record::Record;

/// A repository of `lmms-lab`, by what is in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename = "Set")]
pub(in crate::dataset) enum HubSet {
    /// `VQAv2`, and `OK-VQA`.
    VqaV2,
    /// `GQA`, whose pictures are in files of their own.
    Gqa,
    /// `COCO-Caption` and `COCO-Caption2017`.
    CocoCaption,
    /// `RefCOCO`, `RefCOCOplus` and `RefCOCOg`: a row for each expression of a box.
    RefCoco,
    TextVqa,
    Pope,
    Mme,
    /// `MMBench`, any language.
    MmBench,
    /// Of `BLINK-Benchmark/BLINK`.
    Blink,
    /// Of `MUIRBENCH/MUIRBENCH`.
    MuirBench,
    /// `DocVQA`, also of infographics.
    DocVqa,
    ChartQa,
    ScienceQa,
}

impl HubSet {
    fn id(self) -> Id {
        match self {
            Self::VqaV2 | Self::CocoCaption | Self::RefCoco | Self::TextVqa => {
                Id::Columns(&["question_id"])
            }
            Self::Pope | Self::Gqa => Id::Columns(&["id"]),
            Self::MmBench => Id::Columns(&["index"]),
            Self::Blink | Self::MuirBench => Id::Columns(&["idx"]),
            Self::DocVqa => Id::Columns(&["questionId"]),
            // Two questions of MME have one id; ChartQA and ScienceQA have none.
            Self::Mme | Self::ChartQa | Self::ScienceQa => Id::Number,
        }
    }

    fn compared(self) -> Compared {
        match self {
            Self::VqaV2 => Compared::Answers(Metric::VqaAccuracy),
            Self::Gqa => Compared::Answers(Metric::ExactMatchLmmsEval),
            Self::CocoCaption => Compared::Captions,
            Self::RefCoco => Compared::Boxes,
            Self::TextVqa => Compared::Answers(Metric::TextVqaAccuracy),
            Self::Pope => Compared::Answers(Metric::Pope),
            Self::Mme => Compared::Answers(Metric::Mme),
            Self::MmBench | Self::ScienceQa => Compared::Answers(Metric::MmBench),
            Self::Blink => Compared::Answers(Metric::BlinkLmmsEval),
            Self::MuirBench => Compared::Answers(Metric::MuirBench),
            Self::DocVqa => Compared::Answers(Metric::Anls),
            Self::ChartQa => Compared::Answers(Metric::RelaxedAccuracy),
        }
    }

    fn has_options(self) -> bool {
        matches!(self, Self::MmBench | Self::Blink | Self::MuirBench | Self::ScienceQa)
    }

    fn truth(self, row: &Record) -> Result<Truth, DataError> {
        let answer = || row.text("answer");
        Ok(match self {
            Self::VqaV2 | Self::TextVqa | Self::DocVqa => match row.value("answers") {
                Some(_) => Truth::People(row.people("answers")?),
                None => Truth::Unknown,
            },
            Self::Gqa => match row.optional("answer") {
                Some(answer) => Truth::People(PersonAnswer::of_persons([answer])),
                None => Truth::Unknown,
            },
            Self::ChartQa => Truth::People(PersonAnswer::of_persons([answer()?])),
            Self::CocoCaption => Truth::Captions(row.texts("answer")?),
            Self::RefCoco => {
                let [x, y, width, height] = row.four_numbers("bbox")?;
                Truth::Box([x, y, x + width, y + height])
            }
            Self::Pope | Self::Mme => Truth::YesNo(answer()?.to_lowercase()),
            Self::MmBench | Self::Blink | Self::MuirBench | Self::ScienceQa => {
                match row.optional("answer") {
                    Some(answer) => {
                        let answer = self.letter_of(&answer);
                        Truth::Choice { options: self.options(row)?, answer }
                    }
                    None => Truth::Unknown,
                }
            }
        })
    }

    /// `(A)`, `A`, or in ScienceQA the option's place from 0.
    fn letter_of(self, answer: &str) -> String {
        match (self, answer.parse()) {
            (Self::ScienceQa, Ok(place)) => letter(place).unwrap_or_default(),
            _ => answer.trim_matches(['(', ')']).to_owned(),
        }
    }

    fn options(self, row: &Record) -> Result<Vec<String>, DataError> {
        match self {
            Self::MmBench => {
                let option = |name| row.optional(name).filter(|text| text != "nan");
                Ok(["A", "B", "C", "D"].map(|name| option(name).unwrap_or_default()).to_vec())
            }
            Self::MuirBench => row.texts("options"),
            _ => row.texts("choices"),
        }
    }

    fn pictures(self, row: &Record) -> Result<Vec<DraftImage>, DataError> {
        let several = ["image_1", "image_2", "image_3", "image_4"];
        let texts = match self {
            Self::Blink => several.iter().filter_map(|name| row.optional(name)).collect(),
            Self::MuirBench => row.texts("image_list")?,
            // The cluster is the picture's id.
            Self::Gqa => return Ok(Vec::new()),
            _ => vec![row.text("image")?],
        };
        Ok(texts.into_iter().map(DraftImage::Base64).collect())
    }

    fn group(self, row: &Record) -> String {
        let column = match self {
            Self::VqaV2 => "answer_type",
            Self::Pope | Self::Mme | Self::MmBench => "category",
            Self::Blink => "sub_task",
            Self::MuirBench => "task",
            Self::ChartQa => "type",
            Self::ScienceQa => "subject",
            Self::Gqa | Self::CocoCaption | Self::RefCoco | Self::TextVqa | Self::DocVqa => {
                return String::new();
            }
        };
        row.optional(column).unwrap_or_default()
    }

    /// What rows about one picture share; empty where no column tells.
    fn cluster(self, row: &Record) -> String {
        let column = match self {
            Self::VqaV2 | Self::TextVqa => "image_id",
            Self::Gqa => "imageId",
            Self::RefCoco => "file_name",
            Self::Pope => "image_source",
            Self::Mme => "question_id",
            Self::DocVqa => "docId",
            _ => return String::new(),
        };
        row.optional(column).unwrap_or_default()
    }
}

pub(in crate::dataset) fn lmms_lab(set: HubSet, files: Vec<PathBuf>) -> RowLayout {
    let one_by_one = (set == HubSet::RefCoco).then_some(EXPRESSIONS);
    RowLayout {
        file: files.first().cloned().unwrap_or_default(),
        format: Format::Parquet { files, one_by_one },
        id: set.id(),
        only: None,
        compared: set.compared(),
        derived: if set.has_options() { &["options"] } else { &[] },
        read: Box::new(move |row| {
            let options = if set.has_options() { set.options(row)? } else { Vec::new() };
            let derived = vec![("options".to_owned(), listed(&options))];
            let (group, cluster) = (set.group(row), set.cluster(row));
            Ok(Reading {
                derived,
                group,
                cluster,
                ..Reading::new(set.pictures(row)?, set.truth(row)?)
            })
        }),
    }
}

/// The column whose list becomes rows of their own, and what each is then called: lmms-eval asks for
/// each expression of RefCOCO by itself (`refcoco_bbox_rec`), where the file's `question` asks for a
/// description.
const EXPRESSIONS: (&str, &str) = ("answer", "question");
