/*!
SPICE by a command of the user's: the official jar needs CoreNLP models and a large heap, so only its
files are spoken here (`[{"image_id", "test", "refs"}]` in, `[{"image_id", "scores"}]` out).

The aggregate is the mean of the images' F scores that are numbers; an image without tuples has none.
*/

use std::collections::HashMap;
use std::path::Path;
use std::process::Command;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::{ExternalError, ExternalScores};
use crate::offline::TokenizedCaptions;
use crate::score::numpy::mean;

/// A command line with `{input}` and `{output}` in the places of the two files, such as
/// `java -Xmx8G -jar spice-1.0.jar {input} -out {output} -subset -silent`. Words are separated by
/// white space; there is no quoting.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SpiceCommand {
    words: Vec<String>,
}

/// Why a text is no such command.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{text:?} does not name both {{input}} and {{output}}")]
pub struct SpiceCommandError {
    text: String,
}

impl FromStr for SpiceCommand {
    type Err = SpiceCommandError;

    fn from_str(text: &str) -> Result<Self, SpiceCommandError> {
        let names = ["{input}", "{output}"];
        if text.trim_start().starts_with('{') || !names.iter().all(|name| text.contains(name)) {
            return Err(SpiceCommandError { text: text.to_owned() });
        }
        Ok(Self { words: text.split_whitespace().map(str::to_owned).collect() })
    }
}

#[derive(Serialize)]
struct Input<'c> {
    image_id: i64,
    test: &'c str,
    refs: &'c [String],
}

#[derive(Deserialize)]
struct Output {
    image_id: i64,
    scores: Scores,
}

#[derive(Deserialize)]
struct Scores {
    #[serde(rename = "All")]
    all: All,
}

#[derive(Deserialize)]
struct All {
    /// Null where there are no tuples.
    f: Option<f64>,
}

/// Runs the command in `folder`, where the two files are written.
pub fn spice(
    captions: &TokenizedCaptions,
    command: &SpiceCommand,
    folder: &Path,
) -> Result<ExternalScores, ExternalError> {
    let (input, output) = (folder.join("spice_input.json"), folder.join("spice_output.json"));
    let rows: Vec<Input<'_>> = captions
        .images()
        .iter()
        .map(|image| Input { image_id: image.id, test: &image.candidate, refs: &image.references })
        .collect();
    let file = |path: &Path| {
        let path = path.to_owned();
        move |source: std::io::Error| ExternalError::File { path, source }
    };
    let bytes = serde_json::to_vec(&rows).map_err(|error| file(&input)(error.into()))?;
    std::fs::write(&input, bytes).map_err(file(&input))?;
    run(command, &input, &output)?;
    let bytes = std::fs::read(&output).map_err(file(&output))?;
    let rows: Vec<Output> =
        serde_json::from_slice(&bytes).map_err(|error| file(&output)(error.into()))?;
    let scores: HashMap<i64, f64> =
        rows.iter().map(|row| (row.image_id, row.scores.all.f.unwrap_or(f64::NAN))).collect();
    let items: Vec<f64> = captions
        .images()
        .iter()
        .map(|image| scores.get(&image.id).copied().unwrap_or(f64::NAN))
        .collect();
    let numbers: Vec<f64> = items.iter().copied().filter(|score| !score.is_nan()).collect();
    Ok(ExternalScores { aggregate: mean(&numbers), items })
}

fn run(command: &SpiceCommand, input: &Path, output: &Path) -> Result<(), ExternalError> {
    let fill = |word: &String| {
        word.replace("{input}", &input.to_string_lossy())
            .replace("{output}", &output.to_string_lossy())
    };
    let mut words = command.words.iter().map(fill);
    let program = words.next().unwrap_or_default();
    // Its own output must not mix with the scores on stdout.
    let ended = Command::new(&program).args(words).stdout(std::process::Stdio::null()).status();
    match ended {
        Ok(status) if status.success() => Ok(()),
        Ok(status) => Err(ExternalError::Unexpected {
            program,
            found: status.to_string(),
            expected: "success",
        }),
        Err(source) => Err(ExternalError::Start { program, source }),
    }
}
