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

/// How many questions are asked about each picture: `acc+` counts pictures both of whose answers are right, and
/// the official script takes lines in pairs.
const QUESTIONS: usize = 2;

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
            let folder = if apart.is_dir() { apart } else { category.clone() };
            let texts: Vec<PathBuf> =
                entries(&folder)?.into_iter().filter(|file| ends(file, &["txt"])).collect();
            if texts.is_empty() && has_pictures(&category)? {
                let problem = DataProblem::NoRows { expected: "a text for each picture" };
                return Err(DataError::new(&category, DataPlace::File, problem));
            }
            for text in texts {
                sheets.push(sheet(&category, text)?);
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
            if number != QUESTIONS {
                let (name, found) = ("the text".to_owned(), format!("{number} questions"));
                let expected = "two, of which one is right with Yes and one with No";
                let problem = DataProblem::Field { name, found, expected };
                return Err(DataError::new(&sheet.text, DataPlace::File, problem));
            }
        }
        Ok(())
    }
}

/// Whether a file has one of these endings, in capitals or not.
fn ends(file: &Path, endings: &[&str]) -> bool {
    let ending = file.extension().unwrap_or_default();
    endings.iter().any(|known| ending.eq_ignore_ascii_case(known))
}

fn has_pictures(category: &Path) -> Result<bool, DataError> {
    let apart = category.join("images");
    let mut files = entries(category)?;
    if apart.is_dir() {
        files.extend(entries(&apart)?);
    }
    Ok(files.iter().any(|file| ends(file, &ENDINGS)))
}

/// What is in a folder, in order, without what systems hide there (`.DS_Store`, `._name`).
fn entries(folder: &Path) -> Result<Vec<PathBuf>, DataError> {
    let unreadable = |error: std::io::Error| DataError::unreadable(folder, &error);
    let entries = std::fs::read_dir(folder).map_err(unreadable)?;
    let paths = entries.map(|entry| entry.map(|entry| entry.path()));
    let mut paths = paths.collect::<Result<Vec<_>, _>>().map_err(unreadable)?;
    let is_hidden = |path: &PathBuf| {
        path.file_name().is_some_and(|name| name.as_encoded_bytes().starts_with(b"."))
    };
    paths.retain(|path| !is_hidden(path));
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
    let error = |message| DataError::new(&text, DataPlace::File, DataProblem::Picture(message));
    let mut found = candidates.filter(|image| image.is_file());
    let image = found
        .next()
        .ok_or_else(|| error(format!("no picture {}.png or .jpg belongs to it", stem.display())))?;
    // Where case does not count in names, one file has two of the endings.
    let shown = |image: &Path| image.as_os_str().to_ascii_lowercase();
    if let Some(other) = found.find(|other| shown(other) != shown(&image)) {
        let (one, other) = (image.display(), other.display());
        return Err(error(format!("both {one} and {other} may belong to it; keep one")));
    }
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
