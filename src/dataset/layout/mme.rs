//! MME: a folder for each category, with pictures and, beside them or in `images/` and
//! `questions_answers_YN/`, a text of lines `question TAB answer` for each. A row is a line.

use std::collections::HashSet;
use std::path::{Path, PathBuf};

use super::{Compared, Draft, DraftImage, Drafts, Heads, Layout, Truth};
use crate::case::Metric;
use crate::dataset::error::{DataError, DataPlace, DataProblem};
use crate::dataset::sample::Head;
use crate::dataset::text_file;

/// Endings of pictures, in the order in which they are looked for.
const ENDINGS: [&str; 6] = ["png", "jpg", "jpeg", "PNG", "JPG", "JPEG"];

#[derive(Debug)]
pub(in crate::dataset) struct Mme {
    pub(in crate::dataset) folder: PathBuf,
}

/// The questions about one picture.
struct Sheet {
    category: String,
    /// `category/picture`, which both questions share.
    id: String,
    text: PathBuf,
    image: PathBuf,
}

impl Mme {
    fn sheets(&self) -> Result<Vec<Sheet>, DataError> {
        let mut sheets = Vec::new();
        for category in entries(&self.folder)?.into_iter().filter(|path| path.is_dir()) {
            let apart = category.join("questions_answers_YN");
            let texts = if apart.is_dir() { apart } else { category.clone() };
            for text in entries(&texts)? {
                if text.extension().is_some_and(|ending| ending == "txt") {
                    sheets.push(sheet(&category, text)?);
                }
            }
        }
        Ok(sheets)
    }

    /// Every question.
    pub(in crate::dataset) fn all(&self) -> Result<Vec<Draft>, DataError> {
        let mut drafts = Vec::new();
        self.for_each(&mut |draft| {
            drafts.push(draft);
            Ok(())
        })?;
        Ok(drafts)
    }

    fn for_each(
        &self,
        visit: &mut dyn FnMut(Draft) -> Result<(), DataError>,
    ) -> Result<(), DataError> {
        for sheet in self.sheets()? {
            let content = text_file::read(&sheet.text)?;
            let mut offset = 0_u64;
            let mut number = 0;
            for line in content.split_inclusive('\n') {
                let place = DataPlace::Text(offset);
                offset += line.len() as u64;
                if !line.trim().is_empty() {
                    number += 1;
                    visit(draft(&sheet, line.trim_end(), number, place)?)?;
                }
            }
        }
        Ok(())
    }
}

fn entries(folder: &Path) -> Result<Vec<PathBuf>, DataError> {
    let unreadable = |error: std::io::Error| DataError::unreadable(folder, &error);
    let entries = std::fs::read_dir(folder).map_err(unreadable)?;
    let paths = entries.map(|entry| entry.map(|entry| entry.path()));
    let mut paths = paths.collect::<Result<Vec<_>, _>>().map_err(unreadable)?;
    paths.sort();
    Ok(paths)
}

fn sheet(category: &Path, text: PathBuf) -> Result<Sheet, DataError> {
    let stem = text.file_stem().unwrap_or_default().to_owned();
    let folders = [category.join("images"), category.to_owned()];
    // The ending is put behind the name, which may have dots of its own.
    let candidates = folders.iter().flat_map(|folder| {
        ENDINGS.iter().map(|ending| folder.join(&stem).with_added_extension(ending))
    });
    let image = candidates.into_iter().find(|image| image.is_file()).ok_or_else(|| {
        let message = format!("no picture {}.png or .jpg belongs to it", stem.display());
        DataError::new(&text, DataPlace::File, DataProblem::Picture(message))
    })?;
    let category = category.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let id = format!("{category}/{}", image.file_name().unwrap_or_default().display());
    Ok(Sheet { category, id, text, image })
}

fn draft(sheet: &Sheet, line: &str, number: usize, place: DataPlace) -> Result<Draft, DataError> {
    let (question, answer) = line.rsplit_once('\t').ok_or_else(|| {
        let expected = "a question, a tab, and Yes or No";
        let found = format!("{line:?}");
        let problem = DataProblem::Field { name: "the line".to_owned(), found, expected };
        DataError::new(&sheet.text, place, problem)
    })?;
    let values = [("question", question), ("answer", answer), ("category", &sheet.category)];
    Ok(Draft {
        id: format!("{}/{number}", sheet.id),
        values: values.map(|(name, value)| (name.to_owned(), value.to_owned())).to_vec(),
        images: vec![DraftImage::Beside(sheet.image.clone())],
        truth: Truth::YesNo(answer.to_owned()),
        size: None,
        group: sheet.category.clone(),
        cluster: sheet.id.clone(),
        path: sheet.text.clone(),
        place,
    })
}

impl Layout for Mme {
    fn heads(&self, column: Option<&str>) -> Result<Heads, DataError> {
        let mut heads = Heads::default();
        self.for_each(&mut |draft| {
            let stratum = column.map(|column| {
                let found = draft.values.iter().find(|(name, _)| name == column);
                found.map(|(_, value)| value.clone()).unwrap_or_default()
            });
            let stratum = stratum.unwrap_or_default();
            heads.rows.push(Head { id: draft.id, stratum, offset: 0 });
            Ok(())
        })?;
        heads.add_columns(["question", "answer", "category"]);
        Ok(heads)
    }

    fn drafts(&self, wanted: &HashSet<&str>) -> Result<Drafts, DataError> {
        let mut drafts = Vec::with_capacity(wanted.len());
        self.for_each(&mut |draft| {
            if wanted.contains(draft.id.as_str()) {
                drafts.push(Ok(draft));
            }
            Ok(())
        })?;
        Ok(drafts)
    }

    fn compared(&self) -> Compared {
        Compared::Answers(Metric::Mme)
    }

    fn id_name(&self) -> &'static str {
        "the question"
    }

    fn path(&self) -> &Path {
        &self.folder
    }
}
