//! One run with every status and hostile texts, which all renderers are tested on.

use std::time::Duration;

use tempfile::TempDir;

use crate::answer::{Answer, Conditions, ModelInput, Timings};
use crate::case::Dimension;
use crate::journal::{
    FORMAT_VERSION, Journal, Place, Run, RunHeader, RunPlan, Status, TrialRecord,
};
use crate::registry::Prices;
use crate::score::{Reading, Verdict};
use crate::snapshot::SnapshotOutcome;

use super::{Begin, render};

/// The trials, and the run that is read back from a journal of them.
pub(super) struct Sample {
    pub(super) trials: Vec<TrialRecord>,
    pub(super) run: Run,
    _folder: TempDir,
}

impl Sample {
    pub(super) fn new() -> Self {
        Self::of(trials())
    }

    /// A run of these trials, which must be sorted.
    pub(super) fn of(trials: Vec<TrialRecord>) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let journal = Journal::create(folder.path(), &header()).unwrap();
        trials.iter().for_each(|trial| journal.append(trial).unwrap());
        let run = Run::read(journal.path()).unwrap();
        Self { trials, run, _folder: folder }
    }

    pub(super) fn rendered(&self, begin: Begin) -> String {
        let mut out = Vec::new();
        render(begin, &self.run, &mut out).unwrap();
        String::from_utf8(out).unwrap()
    }
}

fn header() -> RunHeader {
    RunHeader {
        format_version: FORMAT_VERSION,
        eyechart_version: "0.0.0-sample".into(),
        started_unix_milliseconds: 1_764_000_000_000,
        prices: Some(Prices { currency: "USD".into(), per_hour: vec![("cpu".into(), 0.36)] }),
        plan: RunPlan::default(),
        settings_notices: Default::default(),
    }
}

pub(super) fn trials() -> Vec<TrialRecord> {
    let invalid = TrialRecord {
        model: None,
        dimension: None,
        status: Status::Error,
        message: Some("cases/grounding/broken.ron:3:5: unknown field `imags`".into()),
        ..trial("grounding::broken", Dimension::Grounding)
    };
    let boxes = TrialRecord {
        answer: Some(answer("[{\"bbox_2d\": [1, 2, 3, 4], \"label\": \"car\"}]", 21)),
        verdict: Some(Verdict { iou: Some(0.75), points: 3.75, ..verdict(true) }),
        ..trial("grounding::red_car", Dimension::Grounding)
    };
    let wrong = TrialRecord {
        status: Status::Failed,
        message: Some("question: how many?\nanswer:   \"two ]]> \\u{1b}\"".into()),
        answer: Some(answer("two ]]> \u{1b}", 3)),
        attachments: vec!["target/eyechart/overlays/how_many@tiny.png".into()],
        verdict: Some(Verdict {
            points: 0.0,
            reasons: vec!["expected 3, found 2".into()],
            ..verdict(false)
        }),
        ..trial("question_answering::how_many", Dimension::QuestionAnswering)
    };
    let changed = TrialRecord {
        status: Status::Failed,
        message: Some("the answer differs from the accepted snapshot".into()),
        answer: Some(answer("=SUM(A1), \"quoted\"", 5)),
        snapshot: SnapshotOutcome::Changed { accepted: "a cat".into(), divergence: None },
        ..trial("description::cat", Dimension::Description)
    };
    let known = TrialRecord {
        status: Status::KnownFailure,
        message: Some("known to fail: sees no green".into()),
        known_failure: Some("sees no green".into()),
        answer: Some(answer("", 1)),
        verdict: Some(Verdict { points: 0.0, reading: Reading::Empty, ..verdict(false) }),
        ..trial("question_answering::green", Dimension::QuestionAnswering)
    };
    let unexpected = TrialRecord {
        status: Status::UnexpectedPass,
        message: Some("passed although `xfail` says it fails".into()),
        known_failure: Some("counts badly".into()),
        answer: Some(answer("七", 2)),
        verdict: Some(verdict(true)),
        ..trial("question_answering::seven", Dimension::QuestionAnswering)
    };
    let error = TrialRecord {
        status: Status::Error,
        message: Some("images/gone.png: no such file".into()),
        ..trial("several_images::gone", Dimension::SeveralImages)
    };
    let ignored = TrialRecord {
        status: Status::Ignored,
        message: Some("too slow".into()),
        place: None,
        ..trial("several_images::slow", Dimension::SeveralImages)
    };
    vec![invalid, changed, boxes, known, wrong, unexpected, error, ignored]
}

fn trial(case: &str, dimension: Dimension) -> TrialRecord {
    let file = format!("cases/{}.ron", case.replace("::", "/")).into();
    TrialRecord {
        line: Some(2),
        dimension: Some(dimension),
        tags: vec!["sample".into(), "english".into()],
        question: "what is there?".into(),
        place: Some(Place {
            device: "cpu".into(),
            precision: "f32".into(),
            model_memory_bytes: Some(60 << 20),
        }),
        ..TrialRecord::unanswered(case.into(), Some("tiny".into()), file, Status::Passed)
    }
}

fn verdict(passed: bool) -> Verdict {
    Verdict {
        passed,
        points: 5.0,
        iou: None,
        center_accuracy: None,
        reading: Reading::Parsed,
        reasons: vec![],
    }
}

/// An answer that took 1.5 s, half a second of it decoding.
fn answer(text: &str, tokens: u32) -> Answer {
    let part = |milliseconds| Duration::from_millis(milliseconds);
    Answer {
        token_ids: (0..tokens).collect(),
        margins: (0..tokens).map(|_| 1.0).collect(),
        runners_up: (0..tokens).map(|id| id + 1).collect(),
        input: ModelInput {
            rendered_prompt: "<image> what is there?".into(),
            prompt_tokens: 70,
            visual_tokens: 64,
            ..ModelInput::default()
        },
        timings: Timings {
            image_decoding: part(100),
            preprocessing: part(100),
            vision_encoding: part(300),
            prefill: part(500),
            decoding: part(500),
        },
        peak_memory_bytes: Some(100 << 20),
        conditions: Conditions { own_time: part(1500), ..Conditions::default() },
        ..Answer::of_text(text)
    }
}
