//! Plain CSV, TSV and JSON Lines, with the user's word for what each column is.

use std::path::PathBuf;

use serde::Deserialize;

use super::{Compared, DraftImage, Format, Id, Reading, RowLayout, Truth, listed, named_images};
use crate::case::{Metric, TruthKind};
use crate::dataset::error::{DataError, DataProblem};
use crate::dataset::record::{PictureText, Record};
use crate::dataset::template::Template;

/// What columns are.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename = "Columns", deny_unknown_fields, default)]
pub(in crate::dataset) struct Columns {
    /// The row's name; without it rows are numbered from 1.
    pub(in crate::dataset) id: Option<String>,
    /// The picture's file, or a list of them.
    pub(in crate::dataset) image: Option<String>,
    /// The picture itself, in base64.
    pub(in crate::dataset) image_base64: Option<String>,
    /// What is right: a text or a list of them; with `options` a letter.
    pub(in crate::dataset) answer: Option<String>,
    /// A column for each option, or one with a list.
    pub(in crate::dataset) options: Vec<String>,
    /// Four columns, or one with a list: x1, y1, x2, y2 in pixels.
    pub(in crate::dataset) xyxy: Vec<String>,
    /// The same as x, y, width, height.
    pub(in crate::dataset) xywh: Vec<String>,
    /// A caption, or a list of them.
    pub(in crate::dataset) captions: Option<String>,
    /// Category or task.
    pub(in crate::dataset) group: Option<String>,
}

impl Columns {
    /// Whether a picture is named at all.
    pub(in crate::dataset) fn has_image(&self) -> bool {
        self.image.is_some() || self.image_base64.is_some()
    }

    /// What is compared, if the columns say one thing; answers by `metric`.
    pub(in crate::dataset) fn compared(&self, metric: Option<Metric>) -> Option<Compared> {
        let answers = self.answer.as_ref().map(|_| {
            let usual = if self.options.is_empty() { Metric::ExactMatch } else { Metric::MmBench };
            Compared::Answers(metric.unwrap_or(usual))
        });
        let has_box = !(self.xyxy.is_empty() && self.xywh.is_empty());
        let boxes = has_box.then_some(Compared::Boxes);
        let captions = self.captions.as_ref().map(|_| Compared::Captions);
        match [answers, boxes, captions].into_iter().flatten().collect::<Vec<_>>()[..] {
            [one] => Some(one),
            _ => None,
        }
    }
}

pub(in crate::dataset) fn mapped(
    file: PathBuf,
    format: Format,
    columns: Columns,
    images: Option<Template>,
    compared: Compared,
) -> RowLayout {
    RowLayout {
        file,
        format,
        id: columns.id.clone().map_or(Id::Number, Id::Named),
        only: Vec::new(),
        images: images.clone(),
        image_name: None,
        compared,
        derived: if columns.options.is_empty() { &[] } else { &["options"] },
        read: Box::new(move |row| {
            let (truth, options) = truth(&columns, compared, row)?;
            let derived = vec![("options".to_owned(), listed(&options))];
            let group = columns.group.as_ref().and_then(|name| row.optional(name));
            let shown = pictures(&columns, images.as_ref(), row)?;
            let group = group.unwrap_or_default();
            Ok(Reading { derived, group, ..Reading::new(shown, truth) })
        }),
    }
}

fn pictures(
    columns: &Columns,
    images: Option<&Template>,
    row: &Record,
) -> Result<Vec<DraftImage>, DataError> {
    // The hub's struct is a picture, whatever else may name one.
    let is_picture = columns.image.as_ref().is_some_and(|name| row.is_picture(name));
    let shown = match (&columns.image, &columns.image_base64, images) {
        (_, _, Some(images)) if !is_picture => return named_images(images, row),
        (_, Some(name), None) => row.some_pictures(name, PictureText::Base64)?,
        (Some(name), ..) => row.some_pictures(name, PictureText::FileName)?,
        _ => Vec::new(),
    };
    Ok(shown.into_iter().map(DraftImage::from).collect())
}

fn truth(
    columns: &Columns,
    compared: Compared,
    row: &Record,
) -> Result<(Truth, Vec<String>), DataError> {
    let options = options(columns, row)?;
    let truth = match compared {
        Compared::Captions => {
            Truth::Captions(row.texts(columns.captions.as_deref().unwrap_or_default())?)
        }
        Compared::Boxes if columns.xyxy.is_empty() => {
            let [x, y, width, height] = four(&columns.xywh, row)?;
            Truth::Box([x, y, x + width, y + height])
        }
        Compared::Boxes => Truth::Box(four(&columns.xyxy, row)?),
        Compared::Answers(metric) => {
            let name = columns.answer.as_deref().unwrap_or_default();
            match metric.truth() {
                TruthKind::Answers => Truth::People(row.people(name)?),
                TruthKind::YesNo => Truth::YesNo(row.text(name)?),
                TruthKind::Choice => {
                    Truth::Choice { options: options.clone(), answer: row.text(name)? }
                }
            }
        }
    };
    Ok((truth, options))
}

fn options(columns: &Columns, row: &Record) -> Result<Vec<String>, DataError> {
    match columns.options.as_slice() {
        [] => Ok(Vec::new()),
        [one] => row.texts(one),
        several => Ok(several.iter().map(|name| row.optional(name).unwrap_or_default()).collect()),
    }
}

fn four(names: &[String], row: &Record) -> Result<[f64; 4], DataError> {
    if let [one] = names {
        return row.four_numbers(one);
    }
    let number = |name: &String| {
        let text = row.text(name)?;
        text.trim().parse::<f64>().map_err(|_| row.wrong(name, "a number"))
    };
    let numbers = names.iter().map(number).collect::<Result<Vec<f64>, DataError>>()?;
    numbers.try_into().map_err(|numbers: Vec<f64>| {
        let found = format!("{} columns", numbers.len());
        let expected = "four columns, or one with a list";
        row.error(DataProblem::Field { name: "the box".to_owned(), found, expected })
    })
}
