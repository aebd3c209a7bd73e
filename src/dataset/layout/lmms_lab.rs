//! The hub's parquet layouts that lmms-eval reads, `lmms-lab/VQAv2` and its like: which column is
//! what in each.

use std::path::PathBuf;

use serde::Deserialize;

use super::{
    Compared, DraftImage, Format, Id, Only, Reading, RowLayout, Truth, letter, listed, seed_bench,
};
use crate::case::{Metric, PersonAnswer};
use crate::dataset::error::DataError;
use crate::dataset::record::{PictureText, Record};

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
    /// Of `Lin-Chen/MMStar`, whose questions end with their options.
    MmStar,
    /// `SEED-Bench`, the questions about pictures.
    SeedBench,
    /// `VizWiz-VQA`.
    VizWiz,
    /// `flickr30k`.
    Flickr30k,
}

impl HubSet {
    fn id(self) -> Id {
        match self {
            Self::VqaV2
            | Self::CocoCaption
            | Self::RefCoco
            | Self::TextVqa
            | Self::SeedBench
            | Self::VizWiz => Id::Columns(&["question_id"]),
            Self::Pope | Self::Gqa => Id::Columns(&["id"]),
            Self::MmBench | Self::MmStar => Id::Columns(&["index"]),
            Self::Flickr30k => Id::Columns(&["img_id", "filename"]),
            Self::Blink | Self::MuirBench => Id::Columns(&["idx"]),
            Self::DocVqa => Id::Columns(&["questionId"]),
            // Two questions of MME have one id; ChartQA and ScienceQA have none.
            Self::Mme | Self::ChartQa | Self::ScienceQa => Id::Number,
        }
    }

    fn compared(self) -> Compared {
        match self {
            Self::VqaV2 | Self::VizWiz => Compared::Answers(Metric::VqaAccuracy),
            Self::Gqa => Compared::Answers(Metric::ExactMatchLmmsEval),
            Self::CocoCaption | Self::Flickr30k => Compared::Captions,
            Self::RefCoco => Compared::Boxes,
            Self::TextVqa => Compared::Answers(Metric::TextVqaAccuracy),
            Self::Pope => Compared::Answers(Metric::Pope),
            Self::Mme => Compared::Answers(Metric::Mme),
            Self::MmBench | Self::ScienceQa | Self::MmStar | Self::SeedBench => {
                Compared::Answers(Metric::MmBench)
            }
            Self::Blink => Compared::Answers(Metric::BlinkLmmsEval),
            Self::MuirBench => Compared::Answers(Metric::MuirBench),
            Self::DocVqa => Compared::Answers(Metric::Anls),
            Self::ChartQa => Compared::Answers(Metric::RelaxedAccuracy),
        }
    }

    fn has_options(self) -> bool {
        matches!(
            self,
            Self::MmBench
                | Self::Blink
                | Self::MuirBench
                | Self::ScienceQa
                | Self::MmStar
                | Self::SeedBench
        )
    }

    /// What of the files is in the set.
    fn only(self) -> Vec<Only> {
        match self {
            // As in "ScienceQA-IMG": problems without a picture are none for such models.
            Self::ScienceQa => vec![Only::Pictured("image")],
            Self::SeedBench => vec![Only::Value("data_type", "image".to_owned())],
            _ => Vec::new(),
        }
    }

    fn truth(self, row: &Record) -> Result<Truth, DataError> {
        let answer = || row.text("answer");
        Ok(match self {
            Self::VqaV2 | Self::TextVqa | Self::DocVqa | Self::VizWiz => match row.value("answers")
            {
                Some(_) => Truth::People(row.people("answers")?),
                None => Truth::Unknown,
            },
            Self::Gqa => match row.optional("answer") {
                Some(answer) => Truth::People(PersonAnswer::of_persons([answer])),
                None => Truth::Unknown,
            },
            Self::ChartQa => Truth::People(PersonAnswer::of_persons([answer()?])),
            Self::CocoCaption => Truth::Captions(row.texts("answer")?),
            Self::Flickr30k => Truth::Captions(row.texts("caption")?),
            Self::SeedBench => seed_bench::choice(row)?.1,
            Self::RefCoco => {
                // The hub has `float`, and lmms-eval computes with what it widens to.
                let [x, y, width, height] =
                    row.four_numbers("bbox")?.map(|side| f64::from(side as f32));
                Truth::Box([x, y, x + width, y + height])
            }
            Self::Pope | Self::Mme => Truth::YesNo(answer()?.to_lowercase()),
            Self::MmBench | Self::Blink | Self::MuirBench | Self::ScienceQa | Self::MmStar => {
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
            Self::SeedBench => Ok(seed_bench::choice(row)?.0),
            Self::MmStar => {
                let question = row.text("question")?;
                let expected = "a question that ends with `Options: A: .., B: ..`";
                embedded_options(&question).ok_or_else(|| row.wrong("question", expected))
            }
            _ => row.texts("choices"),
        }
    }

    fn pictures(self, row: &Record) -> Result<Vec<DraftImage>, DataError> {
        let several = ["image_1", "image_2", "image_3", "image_4"];
        let mut pictures = Vec::new();
        match self {
            Self::Blink => {
                for name in several {
                    pictures.extend(row.pictures(name, PictureText::Base64)?);
                }
                if pictures.is_empty() {
                    return Err(row.wrong("image_1", "a picture"));
                }
            }
            Self::MuirBench => pictures = row.some_pictures("image_list", PictureText::Base64)?,
            // The cluster is the picture's id.
            Self::Gqa => {}
            _ => pictures = row.some_pictures("image", PictureText::Base64)?,
        }
        Ok(pictures.into_iter().map(DraftImage::from).collect())
    }

    fn group(self, row: &Record) -> String {
        let column = match self {
            Self::VqaV2 => "answer_type",
            Self::Pope | Self::Mme | Self::MmBench | Self::MmStar | Self::VizWiz => "category",
            Self::SeedBench => "question_type_id",
            Self::Blink => "sub_task",
            Self::MuirBench => "task",
            Self::ChartQa => "type",
            Self::ScienceQa => "subject",
            Self::Gqa
            | Self::CocoCaption
            | Self::Flickr30k
            | Self::RefCoco
            | Self::TextVqa
            | Self::DocVqa => return String::new(),
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

/// The options at the end of a question of MMStar: `Options: A: red, B: blue`, in the order of their letters.
fn embedded_options(question: &str) -> Option<Vec<String>> {
    let (_, list) = question.rsplit_once("Options:")?;
    let mut rest = list.trim().strip_prefix("A:")?;
    let mut options = Vec::new();
    for letter in 'B'..='Z' {
        let Some((option, after)) = rest.split_once(&format!(", {letter}:")) else { break };
        options.push(option.trim().to_owned());
        rest = after;
    }
    options.push(rest.trim().trim_end_matches('.').trim_end().to_owned());
    (options.len() > 1).then_some(options)
}

pub(in crate::dataset) fn lmms_lab(set: HubSet, files: Vec<PathBuf>) -> RowLayout {
    let one_by_one = (set == HubSet::RefCoco).then_some(EXPRESSIONS);
    RowLayout {
        file: files.first().cloned().unwrap_or_default(),
        format: Format::Parquet { files, one_by_one },
        id: set.id(),
        only: set.only(),
        images: None,
        image_name: None,
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

#[cfg(test)]
mod tests {
    use super::embedded_options;

    #[test]
    fn options_at_the_end_of_a_question() {
        let question = "Which has A: or B:?\nOptions: A: Yes, it is, B: No, C: B: both, D: 3.5";
        let expected = ["Yes, it is", "No", "B: both", "3.5"];
        assert_eq!(embedded_options(question).unwrap(), expected);
        assert_eq!(embedded_options("Which one?\nOptions: A: only"), None);
        assert_eq!(embedded_options("Which one?"), None);
    }
}
