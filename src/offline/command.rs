/*!
The command line of `eyechart score`: which task, which files, how to show the scores, what to demand.

Owns arguments and exit codes; must not know formats or formulas.
*/

use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Args, Subcommand, ValueEnum};

use super::command_rules::{Reference, RulesError};
use super::external::{ExternalError, ExternalScores, SpiceCommand, meteor, spice};
use super::{
    AnswerBoxes, BoxFormat, CaptionFiles, CaptionOptions, ChoiceRules, Gate, ImageSelection,
    NetworkError, OfflineError, ReferFiles, ScoreTable, TokenizedCaptions, VqaFiles, score_anls,
    score_choices, score_clip, score_detection, score_exact_match, score_grounding_answers,
    score_mme, score_pope, score_refer_answers, score_relaxed, score_similarity, score_textvqa,
    score_tokenized, score_vqa,
};
use crate::extract::BoxNotation;
use crate::foreign;
use crate::score::caption::ptb::{Context, LineBreaks};
use crate::score::detection::CategoryUse;

/// Everything is fine.
pub const EXIT_OK: u8 = 0;
/// A figure is below what `--min` demands.
pub const EXIT_GATE: u8 = 1;
/// The files could not be scored.
pub const EXIT_ERROR: u8 = 2;

/// Score official result files without a model that answers, Java or Python.
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
        /// Rows with the true boxes.
        #[arg(long, required_unless_present = "refs")]
        annotations: Option<PathBuf>,
        /// The official pickle, in place of such rows; results are by `sent_id`.
        #[arg(long, requires_all = ["instances", "split"], conflicts_with = "annotations")]
        refs: Option<PathBuf>,
        /// The official instances.json that belongs to the pickle.
        #[arg(long)]
        instances: Option<PathBuf>,
        /// The split: val, testA, ...
        #[arg(long)]
        split: Option<String>,
        /// What the model wrote.
        #[arg(long)]
        results: PathBuf,
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
    /// Choices as VLMEvalKit reads them, with circular evaluation of rotated questions.
    Mmbench {
        #[command(flatten)]
        files: Pair,
    },
    /// Choices of BLINK, over tasks and questions.
    Blink {
        #[command(flatten)]
        files: Pair,
        /// Whose rules: official or lmms-eval.
        #[arg(long, value_enum, default_value_t = Reference::Official)]
        rules: Reference,
    },
    /// Choices of MuirBench, over tasks and questions.
    Muirbench {
        #[command(flatten)]
        files: Pair,
        /// Whose rules: official or lmms-eval.
        #[arg(long, value_enum, default_value_t = Reference::Official)]
        rules: Reference,
    },
    /// CLIPScore and RefCLIPScore by a CLIP checkpoint of yours, from the files of clipscore.py.
    ClipScore {
        /// The checkpoint's folder.
        #[arg(long)]
        model: PathBuf,
        /// `{image_id: caption}`
        #[arg(long)]
        candidates: PathBuf,
        /// The folder of pictures, named by image id.
        #[arg(long)]
        images: PathBuf,
        /// `{image_id: [caption]}`: adds RefCLIPScore.
        #[arg(long)]
        references: Option<PathBuf>,
    },
    /// Cosine with the nearest reference by an encoder of sentences of yours (BERT).
    SentenceSimilarity {
        /// The checkpoint's folder.
        #[arg(long)]
        model: PathBuf,
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
    Network(#[from] NetworkError),
    #[error(transparent)]
    External(#[from] ExternalError),
    #[error("name the true boxes: --annotations, or --refs with --instances and --split")]
    NoBoxes,
    #[error(transparent)]
    Rules(#[from] RulesError),
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

impl ScoreArgs {
    /// The figures of the task, unshown.
    ///
    /// # Errors
    /// A file cannot be read or is not as the task wants it; names the place.
    pub fn table(&self) -> Result<ScoreTable, impl std::error::Error + use<>> {
        score(&self.task)
    }
}

fn score_and_show(args: &ScoreArgs) -> Result<ScoreTable, CommandError> {
    let table = score(&args.task)?;
    let mut out = io::BufWriter::new(io::stdout().lock());
    match args.format {
        Format::Json => table.write_json(&mut out)?,
        Format::Table => out.write_all(foreign::block(&table.to_text()).as_bytes())?,
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
    let _ = writeln!(io::stderr(), "{}", foreign::block(&format!("error: {problem}")));
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
            score_vqa(files, rules.vqa()?)?
        }
        Task::CocoDetection { gt, dt, class_agnostic } => {
            let pooled = [CategoryUse::Separate, CategoryUse::Pooled][usize::from(*class_agnostic)];
            score_detection(gt, dt, pooled)?
        }
        Task::Refcoco { annotations, refs, instances, split, results, boxes, notation } => {
            let format = match boxes {
                Boxes::Xyxy => BoxFormat::Corners,
                Boxes::Xywh => BoxFormat::CornerAndSize,
            };
            let answers = notation.map_or(AnswerBoxes::LmmsEval, AnswerBoxes::Notation);
            match (annotations, refs, instances, split) {
                (_, Some(refs), Some(instances), Some(split)) => {
                    let files = ReferFiles { refs, instances, split };
                    score_refer_answers(files, results, format, answers)?
                }
                (Some(annotations), ..) => {
                    score_grounding_answers(annotations, results, format, answers)?
                }
                _ => return Err(CommandError::NoBoxes),
            }
        }
        Task::Anls { files, rules } => {
            score_anls(&files.annotations, &files.results, rules.anls())?
        }
        Task::Chartqa { files, rules } => {
            score_relaxed(&files.annotations, &files.results, rules.relaxed()?)?
        }
        Task::Textvqa { files, rules } => {
            score_textvqa(&files.annotations, &files.results, rules.textvqa()?)?
        }
        Task::ExactMatch { files, rules } => {
            score_exact_match(&files.annotations, &files.results, rules.exact_match()?)?
        }
        Task::Pope { files, rules } => {
            score_pope(&files.annotations, &files.results, rules.pope()?)?
        }
        Task::Mme { files } => score_mme(&files.annotations, &files.results)?,
        Task::Mmbench { files } => {
            score_choices(&files.annotations, &files.results, ChoiceRules::MmBench)?
        }
        Task::Blink { files, rules } => {
            score_choices(&files.annotations, &files.results, rules.blink()?)?
        }
        Task::Muirbench { files, rules } => {
            score_choices(&files.annotations, &files.results, rules.muirbench()?)?
        }
        Task::ClipScore { model, candidates, images, references } => score_clip(
            model,
            CaptionFiles { candidates, images, references: references.as_deref() },
        )?,
        Task::SentenceSimilarity { model, files } => {
            score_similarity(model, &files.annotations, &files.results)?
        }
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

fn parse_notation(text: &str) -> Result<BoxNotation, String> {
    let name = |notation: &BoxNotation| format!("{notation:?}");
    let found = BoxNotation::ALL.iter().find(|known| name(known).eq_ignore_ascii_case(text));
    found.copied().ok_or_else(|| {
        let known: Vec<String> = BoxNotation::ALL.iter().map(name).collect();
        format!("no such notation; known are {}", known.join(", "))
    })
}
