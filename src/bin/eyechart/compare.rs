//! `eyechart compare`: which of two models' answers a judge prefers.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::builder::NonEmptyStringValueParser;
use clap::{Args, ValueEnum};
use eyechart::compare::{self, Comparisons, FILE_NAME, Question, RUBRIC, Side};
use eyechart::foreign;
use eyechart::harness::Settings;
use eyechart::journal;
use eyechart::opinion::JudgedPictures;

use super::tell;

/// Exit code of a comparison that was not made.
const REFUSED: u8 = 2;

#[derive(Debug, Args)]
pub(crate) struct CompareArgs {
    /// The journal of the first model, or the folder that holds it.
    first_journal: PathBuf,
    /// That of the second model; the same one unless given.
    second_journal: Option<PathBuf>,
    /// The model of eyechart.ron that judges.
    #[arg(long, value_name = "MODEL")]
    judge: String,
    /// The first model, where its journal has several.
    #[arg(long, value_name = "MODEL")]
    first: Option<String>,
    /// The second model.
    #[arg(long, value_name = "MODEL")]
    second: Option<String>,
    /// What makes an answer the better one.
    #[arg(long, default_value = RUBRIC, value_parser = NonEmptyStringValueParser::new())]
    rubric: String,
    /// Let the judge read texts only.
    #[arg(long)]
    without_pictures: bool,
    /// The folder of the project's eyechart.ron and cases.
    #[arg(long, default_value = ".")]
    project: PathBuf,
    /// The folder that comparison.json goes to.
    #[arg(long, default_value = "target/eyechart")]
    out: PathBuf,
    /// What is written to stdout.
    #[arg(long, value_enum, default_value_t = Format::Table)]
    format: Format,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Format {
    /// Lines for people.
    Table,
    /// What is in comparison.json.
    Json,
}

pub(crate) fn run(arguments: &CompareArgs) -> ExitCode {
    match compare(arguments) {
        Ok(comparisons) => {
            show(arguments.format, &comparisons);
            ExitCode::SUCCESS
        }
        Err(error) => {
            tell::error(&error);
            ExitCode::from(REFUSED)
        }
    }
}

fn compare(arguments: &CompareArgs) -> Result<Comparisons, Box<dyn std::error::Error>> {
    let CompareArgs { first_journal, second_journal, project, out, .. } = arguments;
    let variable = |name: &str| std::env::var(name).ok();
    let settings = Settings::read(variable, project, project.join("target/eyechart"))?;
    let second_journal = second_journal.as_ref().unwrap_or(first_journal);
    let question = Question {
        project,
        sides: [
            Side { journal: journal_in(first_journal), model: arguments.first.clone() },
            Side { journal: journal_in(second_journal), model: arguments.second.clone() },
        ],
        judge: &arguments.judge,
        rubric: &arguments.rubric,
        pictures: match arguments.without_pictures {
            true => JudgedPictures::Hidden,
            false => JudgedPictures::Shown,
        },
        engine: &settings.engine,
        unpacked: &out.join(eyechart::harness::PICTURES),
    };
    let comparisons = compare::compare(&question, &|line| tell::notice(&line))?;
    write(out, &comparisons)?;
    Ok(comparisons)
}

fn journal_in(path: &Path) -> PathBuf {
    if path.is_dir() { path.join(journal::FILE_NAME) } else { path.to_owned() }
}

fn write(out: &Path, comparisons: &Comparisons) -> Result<(), String> {
    let file = out.join(FILE_NAME);
    let text = format!("{:#}\n", comparisons.to_json());
    let text = foreign::json(&text);
    std::fs::create_dir_all(out)
        .and_then(|()| std::fs::write(&file, text.as_bytes()))
        .map_err(|error| format!("{}: cannot be written: {error}; see --out", file.display()))
}

fn show(format: Format, comparisons: &Comparisons) {
    match format {
        Format::Table => tell::lines(comparisons),
        Format::Json => tell::json(&comparisons.to_json()),
    }
}
