/*!
The command line of `eyechart score`: which task, which files, how to show the scores, what to demand.

Owns arguments and exit codes; must not know formats or formulas.
*/

use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Args, Subcommand, ValueEnum};

use super::external::{ExternalError, ExternalScores, SpiceCommand, meteor, spice};
use super::{
    AnswerBoxes, BoxFormat, CaptionOptions, Gate, ImageSelection, OfflineError, ScoreTable,
    TokenizedCaptions, VqaFiles, score_anls, score_detection, score_exact_match,
    score_grounding_answers, score_mme, score_pope, score_relaxed, score_textvqa, score_tokenized,
    score_vqa,
};
use crate::extract::BoxNotation;
use crate::score::caption::ptb::{Context, LineBreaks};
use crate::score::detection::CategoryUse;
use crate::score::document::{AnlsRules, RelaxedRules};
use crate::score::exact_match::ExactMatchRules;
use crate::score::vqa::VqaRules;
use crate::score::yes_no::PopeRules;

/// Everything is fine.
pub const EXIT_OK: u8 = 0;
/// A figure is below what `--min` demands.
pub const EXIT_GATE: u8 = 1;
/// The files could not be scored.
pub const EXIT_ERROR: u8 = 2;

/// Score official result files without a model, Java or Python.
#[derive(Debug, Args)]
pub struct ScoreArgs {
    #[command(subcommand)]
    task: Task,
    /// How to show the scores.
    #[arg(long, value_enum, default_value_t = Format::Table, global = true)]
    format: Format,
    /// Fail (exit code 1) if a figure is below a value; may be given several times.
    #[arg(long = "min", value_name = "METRIC=VALUE", global = true)]
    gates: Vec<Gate>,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Format {
    /// Lines for people.
    Table,
    /// `{"aggregate": {...}, "items": [...]}`
    Json,
}

/// Annotations and results.
#[derive(Debug, Args)]
struct Pair {
    /// What people wrote.
    #[arg(long)]
    annotations: PathBuf,
    /// What the model wrote.
    #[arg(long)]
    results: PathBuf,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Reference {
    Official,
    LmmsEval,
    Vlmevalkit,
    Pix2struct,
    Mmf,
}

impl Reference {
    /// As on the command line.
    fn name(self) -> String {
        self.to_possible_value().map(|value| value.get_name().to_owned()).unwrap_or_default()
    }
}

#[derive(Debug, Subcommand)]
enum Task {
    /// BLEU, ROUGE-L, CIDEr-D and CIDEr as pycocoevalcap.
    CocoCaption {
        #[command(flatten)]
        files: Pair,
        /// Demand a caption for every image of the annotation file.
        #[arg(long)]
        all_images: bool,
        /// Tokenize each caption by itself: not the official scores.
        #[arg(long)]
        per_caption: bool,
        /// Shift captions at stray line breaks, as the reference does, instead of refusing them.
        #[arg(long)]
        reproduce_line_breaks: bool,
        /// Your meteor-1.5.jar, with its data beside it: adds `meteor_1.5` (needs Java).
        #[arg(long)]
        meteor_jar: Option<PathBuf>,
        /// A command that runs SPICE from {input} to {output}: adds `spice`.
        #[arg(long)]
        spice_command: Option<SpiceCommand>,
    },
    /// VQA accuracy, with tables by type of question and answer.
    Vqa {
        /// The questions, to check ids against.
        #[arg(long)]
        questions: Option<PathBuf>,
        #[command(flatten)]
        files: Pair,
        /// Whose rules: official, lmms-eval or vlmevalkit.
        #[arg(long, value_enum, default_value_t = Reference::Official)]
        rules: Reference,
    },
    /// pycocotools' twelve figures for boxes.
    CocoDetection {
        /// The instances file.
        #[arg(long)]
        gt: PathBuf,
        /// The detections.
        #[arg(long)]
        dt: PathBuf,
        /// Ignore categories (useCats = 0).
        #[arg(long)]
        class_agnostic: bool,
    },
    /// Mean IoU, Acc@t and centre accuracy of one box for each expression.
    Refcoco {
        #[command(flatten)]
        files: Pair,
        /// How both files write boxes.
        #[arg(long, value_enum, default_value_t = Boxes::Xyxy)]
        boxes: Boxes,
        /// Read answers in a family's notation, such as Kosmos2; rows need `width` and `height`.
        #[arg(long, value_parser = parse_notation)]
        notation: Option<BoxNotation>,
    },
    /// Average normalized Levenshtein similarity (DocVQA, InfoVQA).
    Anls {
        #[command(flatten)]
        files: Pair,
        /// Whose rules: official (lmms-eval and vlmevalkit too), pix2struct or mmf.
        #[arg(long, value_enum, default_value_t = Reference::Official)]
        rules: Reference,
    },
    /// Relaxed accuracy.
    Chartqa {
        #[command(flatten)]
        files: Pair,
        /// Whose rules: official or vlmevalkit.
        #[arg(long, value_enum, default_value_t = Reference::Official)]
        rules: Reference,
    },
    /// Soft accuracy of TextVQA.
    Textvqa {
        #[command(flatten)]
        files: Pair,
        /// Whose rules: official (mmf), lmms-eval or vlmevalkit.
        #[arg(long, value_enum, default_value_t = Reference::Official)]
        rules: Reference,
    },
    /// Exact match (GQA, Visual7W).
    ExactMatch {
        #[command(flatten)]
        files: Pair,
        /// Whose rules: official (every character), lmms-eval or vlmevalkit.
        #[arg(long, value_enum, default_value_t = Reference::Official)]
        rules: Reference,
    },
    /// Accuracy, precision, recall, F1 and share of yes.
    Pope {
        #[command(flatten)]
        files: Pair,
        /// Whose rules: official or lmms-eval.
        #[arg(long, value_enum, default_value_t = Reference::Official)]
        rules: Reference,
    },
    /// Points for perception, cognition and each category.
    Mme {
        #[command(flatten)]
        files: Pair,
    },
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Boxes {
    /// `[x1, y1, x2, y2]`
    Xyxy,
    /// `[x, y, width, height]`
    Xywh,
}

/// Why the command came to nothing.
#[derive(Debug, thiserror::Error)]
enum CommandError {
    #[error(transparent)]
    Score(#[from] OfflineError),
    #[error(transparent)]
    External(#[from] ExternalError),
    #[error("{task} has no rules `{name}`; see `eyechart score {task} --help`", name = rules.name())]
    Rules { task: &'static str, rules: Reference },
    #[error("the scores cannot be written: {0}")]
    Write(#[from] io::Error),
}

/// Scores, shows the scores on stdout and whatever is wrong on stderr.
pub fn run(args: &ScoreArgs) -> ExitCode {
    match score_and_show(args) {
        Ok(table) => check(args, &table),
        Err(error) => {
            complain(&error);
            ExitCode::from(EXIT_ERROR)
        }
    }
}

fn score_and_show(args: &ScoreArgs) -> Result<ScoreTable, CommandError> {
    let table = score(&args.task)?;
    let mut out = io::BufWriter::new(io::stdout().lock());
    match args.format {
        Format::Json => table.write_json(&mut out)?,
        Format::Table => out.write_all(table.to_text().as_bytes())?,
    }
    out.flush()?;
    Ok(table)
}

fn check(args: &ScoreArgs, table: &ScoreTable) -> ExitCode {
    let failures: Vec<_> = args.gates.iter().filter_map(|gate| gate.check(table).err()).collect();
    failures.iter().for_each(|failure| complain(failure));
    ExitCode::from(if failures.is_empty() { EXIT_OK } else { EXIT_GATE })
}

fn complain(problem: &dyn std::fmt::Display) {
    // There is nowhere left to say that stderr is closed.
    let _ = writeln!(io::stderr(), "error: {problem}");
}

fn score(task: &Task) -> Result<ScoreTable, CommandError> {
    Ok(match task {
        Task::CocoCaption {
            files,
            all_images,
            per_caption,
            reproduce_line_breaks,
            meteor_jar,
            spice_command,
        } => {
            let options = CaptionOptions {
                images: if *all_images { ImageSelection::All } else { ImageSelection::WithResults },
                context: if *per_caption { Context::EachCaption } else { Context::WholeCorpus },
                line_breaks: match reproduce_line_breaks {
                    true => LineBreaks::Reproduce,
                    false => LineBreaks::Refuse,
                },
            };
            let captions = TokenizedCaptions::load(&files.annotations, &files.results, options)?;
            let meteor = meteor_jar.as_ref().map(|jar| meteor(&captions, jar)).transpose()?;
            let spice = spice_command.as_ref().map(|one| spice_beside(&captions, one, files));
            let spice = spice.transpose()?;
            let mut table = score_tokenized(captions);
            for (name, scores) in [("meteor_1.5", meteor), ("spice", spice)] {
                if let Some(scores) = scores {
                    table.set(name, scores.aggregate);
                    table.push_column(name, &scores.items);
                }
            }
            table
        }
        Task::Vqa { questions, files: Pair { annotations, results }, rules } => {
            let files = VqaFiles { questions: questions.as_deref(), annotations, results };
            score_vqa(files, vqa_rules(*rules)?)?
        }
        Task::CocoDetection { gt, dt, class_agnostic } => {
            let pooled = [CategoryUse::Separate, CategoryUse::Pooled][usize::from(*class_agnostic)];
            score_detection(gt, dt, pooled)?
        }
        Task::Refcoco { files, boxes, notation } => {
            let format = match boxes {
                Boxes::Xyxy => BoxFormat::Corners,
                Boxes::Xywh => BoxFormat::CornerAndSize,
            };
            let answers = notation.map_or(AnswerBoxes::LmmsEval, AnswerBoxes::Notation);
            score_grounding_answers(&files.annotations, &files.results, format, answers)?
        }
        Task::Anls { files, rules } => {
            score_anls(&files.annotations, &files.results, anls_rules(*rules))?
        }
        Task::Chartqa { files, rules } => {
            score_relaxed(&files.annotations, &files.results, relaxed_rules(*rules)?)?
        }
        Task::Textvqa { files, rules } => {
            score_textvqa(&files.annotations, &files.results, textvqa_rules(*rules)?)?
        }
        Task::ExactMatch { files, rules } => {
            score_exact_match(&files.annotations, &files.results, exact_match_rules(*rules)?)?
        }
        Task::Pope { files, rules } => {
            score_pope(&files.annotations, &files.results, pope_rules(*rules)?)?
        }
        Task::Mme { files } => score_mme(&files.annotations, &files.results)?,
    })
}

/// SPICE's files are kept beside the results.
fn spice_beside(
    captions: &TokenizedCaptions,
    command: &SpiceCommand,
    files: &Pair,
) -> Result<ExternalScores, ExternalError> {
    let folder = files.results.parent().unwrap_or(Path::new("."));
    spice(captions, command, folder)
}

fn vqa_rules(rules: Reference) -> Result<VqaRules, CommandError> {
    match rules {
        Reference::Official => Ok(VqaRules::Official),
        Reference::LmmsEval => Ok(VqaRules::LmmsEval),
        Reference::Vlmevalkit => Ok(VqaRules::VlmEvalKit),
        _ => Err(CommandError::Rules { task: "vqa", rules }),
    }
}

fn textvqa_rules(rules: Reference) -> Result<VqaRules, CommandError> {
    match rules {
        Reference::Official | Reference::Mmf => Ok(VqaRules::TextVqa),
        Reference::LmmsEval => Ok(VqaRules::TextVqaLmmsEval),
        Reference::Vlmevalkit => Ok(VqaRules::VlmEvalKit),
        Reference::Pix2struct => Err(CommandError::Rules { task: "textvqa", rules }),
    }
}

fn anls_rules(rules: Reference) -> AnlsRules {
    match rules {
        Reference::Official | Reference::LmmsEval | Reference::Vlmevalkit => AnlsRules::Rrc,
        Reference::Pix2struct => AnlsRules::Pix2Struct,
        Reference::Mmf => AnlsRules::Mmf,
    }
}

fn relaxed_rules(rules: Reference) -> Result<RelaxedRules, CommandError> {
    match rules {
        Reference::Official | Reference::Pix2struct | Reference::LmmsEval => {
            Ok(RelaxedRules::Pix2Struct)
        }
        Reference::Vlmevalkit => Ok(RelaxedRules::VlmEvalKit),
        Reference::Mmf => Err(CommandError::Rules { task: "chartqa", rules }),
    }
}

fn exact_match_rules(rules: Reference) -> Result<ExactMatchRules, CommandError> {
    match rules {
        Reference::Official => Ok(ExactMatchRules::Strict),
        Reference::LmmsEval => Ok(ExactMatchRules::LmmsEval),
        Reference::Vlmevalkit => Ok(ExactMatchRules::VlmEvalKit),
        _ => Err(CommandError::Rules { task: "exact-match", rules }),
    }
}

fn pope_rules(rules: Reference) -> Result<PopeRules, CommandError> {
    match rules {
        Reference::Official => Ok(PopeRules::Official),
        Reference::LmmsEval => Ok(PopeRules::LmmsEval),
        _ => Err(CommandError::Rules { task: "pope", rules }),
    }
}
fn parse_notation(text: &str) -> Result<BoxNotation, String> {
    let name = |notation: &BoxNotation| format!("{notation:?}");
    let found = BoxNotation::ALL.iter().find(|known| name(known).eq_ignore_ascii_case(text));
    found.copied().ok_or_else(|| {
        let known: Vec<String> = BoxNotation::ALL.iter().map(name).collect();
        format!("no such notation; known are {}", known.join(", "))
    })
}
