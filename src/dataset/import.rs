//! Rows written out as ordinary case files, for those who want to edit them.

use std::fmt::Write;
use std::path::{Component, Path, PathBuf};

use super::{Dataset, Pictures, Row};
use crate::case::{
    Case, CaseError, Expectation, GenerationOverrides, MetricExpectation, PersonAnswer,
    SnapshotPolicy,
};

/// Why rows were not written.
#[derive(Debug, thiserror::Error)]
pub enum ImportError {
    /// The data set cannot be read.
    #[error(transparent)]
    Dataset(#[from] CaseError),
    /// A file is there already.
    #[error("{} is there already; nothing is written over, so name another folder", .0.display())]
    Exists(PathBuf),
    /// A file cannot be written.
    #[error("{}: cannot be written: {source}", path.display())]
    Unwritable {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// Two people of a row have the same record, which a case file cannot say.
    #[error("row {0} has the same answer record twice, which a case file cannot say")]
    SameRecord(String),
}

/// Writes a case file for each row into the folder, and pictures from tables beside them. Returns
/// how many rows there are.
///
/// # Errors
/// The data set cannot be read, or a file cannot be written; none is written over.
pub fn import(dataset: &Dataset, folder: &Path) -> Result<usize, ImportError> {
    let unwritable = |path: &Path| {
        let path = path.to_owned();
        move |source| ImportError::Unwritable { path, source }
    };
    std::fs::create_dir_all(folder).map_err(unwritable(folder))?;
    let files: Vec<PathBuf> =
        dataset.row_names().map(|name| folder.join(format!("{}.ron", name.stem()))).collect();
    if let Some(path) = files.iter().find(|path| path.exists()) {
        return Err(ImportError::Exists(path.clone()));
    }
    let all: Vec<usize> = (0..dataset.len()).collect();
    let rows = dataset.rows(&all, Pictures::UnpackedTo(&folder.join("pictures")))?;
    for (row, path) in rows.iter().zip(&files) {
        let text = case_file(row, dataset.path(), folder)?;
        write_new(path, &text).map_err(unwritable(path))?;
    }
    Ok(rows.len())
}

/// Writes a file that must not be there, not even as a link that leads nowhere.
fn write_new(path: &Path, text: &str) -> std::io::Result<()> {
    let mut file = std::fs::OpenOptions::new().write(true).create_new(true).open(path)?;
    std::io::Write::write_all(&mut file, text.as_bytes())
}

fn case_file(row: &Row, source: &Path, folder: &Path) -> Result<String, ImportError> {
    let case = &row.case;
    let Case { images, conversation, expectation, dimension, tags, .. } = &**case;
    let images: Vec<String> = images.iter().map(|image| relative(image, folder)).collect();
    let mut fields = vec![("images", list(&images)), ("prompt", quoted(&row.prompt))];
    fields.extend(conversation.system.as_ref().map(|system| ("system", quoted(system))));
    fields.extend(case.preset.map(|task| ("preset", format!("{task:?}"))));
    if let Some(expectation) = expectation.as_ref().filter(|one| !one.is_only_measured()) {
        fields.push(("expect", expect(expectation, row)?));
    }
    fields.push(("dimension", format!("{dimension:?}")));
    fields.extend(generation(&case.generation).map(|options| ("generation", options)));
    if !tags.is_empty() {
        fields.push(("tags", list(tags)));
    }
    if !case.models.is_empty() {
        let globs: Vec<String> = case.models.iter().map(ToString::to_string).collect();
        fields.push(("models", list(&globs)));
    }
    fields.extend(case.ignore.as_ref().map(|reason| ("ignore", quoted(reason))));
    if !case.xfail.is_empty() {
        let entry = |known: &crate::case::KnownFailure| {
            format!("{}: {}", quoted(known.models.as_str()), quoted(&known.reason))
        };
        let entries: Vec<String> = case.xfail.iter().map(entry).collect();
        fields.push(("xfail", format!("{{{}}}", entries.join(", "))));
    }
    // A case must be judged by something: without an expectation that is the snapshot.
    if case.snapshot != SnapshotPolicy::Text
        && (expectation.is_some() || case.snapshot != SnapshotPolicy::Off)
    {
        fields.push(("snapshot", format!("{:?}", case.snapshot)));
    }
    let mut text = format!("// Row {} of {}.\n", one_line(&row.id), source.display());
    for caption in &row.captions {
        // Writing to a String does not fail.
        let _ = writeln!(text, "// People wrote: {}", one_line(caption));
    }
    text.push_str("(\n");
    for (name, value) in fields {
        let _ = writeln!(text, "    {name}: {value},");
    }
    text.push_str(")\n");
    Ok(text)
}

fn expect(expectation: &Expectation, row: &Row) -> Result<String, ImportError> {
    Ok(match expectation {
        Expectation::Boxes { truth, min_iou } => {
            let one = |found: &crate::case::LabelledBox| {
                let [x1, y1, x2, y2] = found.bounds.edges();
                format!("(label: {}, xyxy: ({x1:?}, {y1:?}, {x2:?}, {y2:?}))", quoted(&found.label))
            };
            let truth: Vec<String> = truth.iter().map(one).collect();
            format!("Boxes(truth: [{}], min_iou: {min_iou:?})", truth.join(", "))
        }
        Expectation::Metric(expected) => metric(expected, row)?,
        // Rows have no other expectation.
        _ => String::new(),
    })
}

fn metric(expected: &MetricExpectation, row: &Row) -> Result<String, ImportError> {
    let MetricExpectation { metric, answers, options, min } = expected;
    let mut seen = std::collections::HashSet::with_capacity(answers.len());
    let is_new =
        |one: &PersonAnswer| seen.insert((one.text.clone(), one.confidence.clone(), one.id));
    if !answers.iter().all(is_new) {
        return Err(ImportError::SameRecord(row.id.clone()));
    }
    let texts: Vec<String> = answers.iter().map(|answer| answer.text.clone()).collect();
    let mut text = format!("Metric(name: {metric}, answers: {}", list(&texts));
    if !options.is_empty() {
        text.push_str(&format!(", options: {}", list(options)));
    }
    if let Some(min) = min {
        text.push_str(&format!(", min: {min:?}"));
    }
    text.push(')');
    Ok(text)
}

fn generation(options: &GenerationOverrides) -> Option<String> {
    if *options == GenerationOverrides::default() {
        return None;
    }
    let GenerationOverrides {
        max_new_tokens,
        temperature,
        top_p,
        top_k,
        seed,
        repetition_penalty,
        min_new_tokens,
        num_beams,
        length_penalty,
        early_stopping,
    } = options;
    let shown = [
        max_new_tokens.map(|value| format!("max_new_tokens: {value}")),
        temperature.map(|value| format!("temperature: {value:?}")),
        top_p.map(|value| format!("top_p: {value:?}")),
        top_k.map(|value| format!("top_k: {value}")),
        seed.map(|value| format!("seed: {value}")),
        repetition_penalty.map(|value| format!("repetition_penalty: {value:?}")),
        min_new_tokens.map(|value| format!("min_new_tokens: {value}")),
        num_beams.map(|value| format!("num_beams: {value}")),
        length_penalty.map(|value| format!("length_penalty: {value:?}")),
        early_stopping.map(|value| format!("early_stopping: {value:?}")),
    ];
    Some(format!("({})", shown.into_iter().flatten().collect::<Vec<_>>().join(", ")))
}

/// A text as RON has it.
fn quoted(text: &str) -> String {
    let mut quoted = String::from("\"");
    for c in text.chars() {
        match c {
            '"' | '\\' => quoted.extend(['\\', c]),
            '\n' => quoted.push_str("\\n"),
            '\t' => quoted.push_str("\\t"),
            '\r' => quoted.push_str("\\r"),
            c if c.is_control() => quoted.push_str(&format!("\\u{{{:x}}}", u32::from(c))),
            c => quoted.push(c),
        }
    }
    quoted.push('"');
    quoted
}

fn list(texts: &[String]) -> String {
    let texts: Vec<String> = texts.iter().map(|text| quoted(text)).collect();
    format!("[{}]", texts.join(", "))
}

fn one_line(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}

/// The path from a folder to a file, or the whole path where there is none.
fn relative(file: &Path, folder: &Path) -> String {
    let (Ok(file), Ok(folder)) = (file.canonicalize(), folder.canonicalize()) else {
        return file.display().to_string();
    };
    let shared = file.components().zip(folder.components()).take_while(|(a, b)| a == b).count();
    let up = folder.components().skip(shared).map(|_| Component::ParentDir);
    up.chain(file.components().skip(shared)).collect::<PathBuf>().display().to_string()
}
