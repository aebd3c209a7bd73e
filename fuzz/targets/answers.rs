//! What models said, and annotations and results of `score`.

use std::path::Path;

use clap::Parser;
use eyechart::extract::{self, BoxNotation};
use eyechart::geometry::{PictureSize, PixelSize};
use eyechart::offline::command::ScoreArgs;

use super::projects::said;
use super::{Target, choose, chosen, files, write};

pub(super) const READERS: Target = Target {
    name: "readers",
    seeds: || {
        let lines = files("fixtures/readers/*.jsonl").concat();
        let lines = lines.split(|byte| *byte == b'\n').filter(|line| !line.is_empty());
        lines.step_by(11).map(<[u8]>::to_vec).collect()
    },
    run: |_, input| {
        let text = String::from_utf8_lossy(input);
        let options = ["red", "Vitamin A", "3 apples", "没有"].map(str::to_owned);
        drop(extract::choice(&text, &options));
        drop(extract::yes_no(&text));
        drop(extract::number(&text));
        drop(extract::mark(&text));
        drop(extract::preference(&text));
        drop(extract::normalize(&text));
        let size = PictureSize::from(PixelSize { width: 640, height: 480 });
        for notation in BoxNotation::ALL {
            drop(extract::boxes(&text, notation, size));
        }
    },
};

/// Each task of `score` with right annotations and a right result.
const TASKS: [(&str, &str, &str); 11] = [
    (
        "coco-caption",
        r#"{"images": [{"id": 1}], "annotations": [{"image_id": 1, "id": 1, "caption": "a red car"}]}"#,
        r#"[{"image_id": 1, "caption": "a red car"}]"#,
    ),
    (
        "vqa",
        r#"{"annotations": [{"question_id": 1, "image_id": 1, "question_type": "what", "answer_type": "other",
            "answers": [{"answer": "red", "answer_confidence": "yes", "answer_id": 1}, {"answer": "blue", "answer_id": 2}]}]}"#,
        r#"[{"question_id": 1, "answer": "red"}]"#,
    ),
    (
        "coco-detection",
        r#"{"images": [{"id": 1}], "categories": [{"id": 1}], "annotations": [{"id": 1, "image_id": 1,
            "category_id": 1, "bbox": [0, 0, 10, 10], "area": 100, "iscrowd": 0}]}"#,
        r#"[{"image_id": 1, "category_id": 1, "bbox": [0, 0, 10, 10], "score": 0.5}]"#,
    ),
    (
        "refcoco",
        r#"[{"id": 1, "bbox": [0, 0, 10, 10]}]"#,
        r#"[{"id": 1, "answer": "[0, 0, 10, 10]"}]"#,
    ),
    ("anls", SHORT, RESULT),
    ("chartqa", SHORT, RESULT),
    ("textvqa", SHORT, RESULT),
    ("exact-match", SHORT, RESULT),
    ("pope", YES_NO, r#"[{"id": 1, "answer": "yes"}]"#),
    ("mme", YES_NO, r#"[{"id": 1, "answer": "yes"}]"#),
    (
        "mmbench",
        r#"[{"id": 1, "question": "?", "choices": ["red", "blue"], "answer": "(A)", "category": "color"}]"#,
        r#"[{"id": 1, "prediction": "(A)"}]"#,
    ),
];
const SHORT: &str = r#"[{"id": 1, "answers": ["red", "12%"]}]"#;
const RESULT: &str = r#"[{"id": 1, "answer": "red"}]"#;
const YES_NO: &str = r#"[{"id": 1, "answer": "yes", "category": "color"}]"#;

#[derive(Parser)]
struct Score {
    #[command(flatten)]
    args: ScoreArgs,
}

/// The first byte chooses the task, the second which of its files the rest is.
pub(super) const SCORE: Target = Target {
    name: "score",
    seeds: || {
        let tasks = TASKS.iter().enumerate();
        let both = |(index, (_, annotations, results)): (usize, &(&str, &str, &str))| {
            [annotations, results]
                .map(|content| content.as_bytes().to_vec())
                .into_iter()
                .enumerate()
                .map(move |(which, content)| chosen(index, &chosen(which, &content)))
                .collect::<Vec<_>>()
        };
        tasks.flat_map(both).collect()
    },
    run: |folder, input| {
        let (task, input) = choose(input, TASKS.len());
        let (which, content) = choose(input, 2);
        let (name, annotations, results) = TASKS[task];
        let files = [folder.join("annotations.json"), folder.join("results.json")];
        let contents = [annotations.as_bytes(), results.as_bytes()];
        for (index, path) in files.iter().enumerate() {
            write(path, if index == which { content } else { contents[index] });
        }
        let [annotations, results] = files;
        said(parsed(name, &annotations, &results).args.table());
    },
};

fn parsed(task: &str, annotations: &Path, results: &Path) -> Score {
    let names =
        if task == "coco-detection" { ["--gt", "--dt"] } else { ["--annotations", "--results"] };
    let words = [
        "score".into(),
        task.into(),
        names[0].into(),
        annotations.as_os_str().to_owned(),
        names[1].into(),
        results.as_os_str().to_owned(),
    ];
    Score::try_parse_from(words).expect("the task takes these")
}
