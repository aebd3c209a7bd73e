//! Rows that come and go in the slots of one cache say what they say alone.

use eyechart::decode::{DecodeRow, Decoding, Generated, Need, generate};
use eyechart::model::{ImageFeatures, ModelError, PrefillRow, Slot, VisionLanguageModel};
use eyechart::request::GenerationOptions;

use crate::fixture::{Fixture, Prepared, TOLERANCE, row};
use crate::largest_difference;

const CHECKPOINTS: [&str; 8] = [
    "qwen3_vl/tied",
    "qwen3_vl/experts",
    "llava/hub",
    "blip2/opt",
    "blip2/t5",
    "instruct_blip/vicuna",
    "instruct_blip/t5",
    "minigpt_v2/published",
];

/// Beams of a row at most, and so the slots that there must be.
const SLOTS: usize = 3;

fn prepare_all(fixture: &mut Fixture) -> Vec<Prepared> {
    (0..fixture.oracle.cases.len()).map(|index| fixture.prepare(index)).collect()
}

/// Answers of different lengths, some with beams.
fn options(index: usize) -> GenerationOptions {
    GenerationOptions {
        max_new_tokens: 1 + index * 5 % 11,
        num_beams: [1, 1, SLOTS, 1, 2][index % 5],
        ..GenerationOptions::default()
    }
}

fn needs(model: &dyn VisionLanguageModel, rows: &[DecodeRow<'_>]) -> Vec<Need> {
    let limit = model.max_positions();
    rows.iter().map(|row| Need::of(row.prompt, row.options, limit).unwrap()).collect()
}

fn open(model: &mut dyn VisionLanguageModel, slots: usize, rows: &[DecodeRow<'_>]) -> Decoding {
    let tokens = needs(model, rows).iter().map(|need| need.tokens).max().unwrap();
    Decoding::new(model, slots, tokens).unwrap()
}

/// Admits each row as soon as there is room, until all have ended.
fn run_through(
    model: &mut dyn VisionLanguageModel,
    decoding: &mut Decoding,
    rows: &[DecodeRow<'_>],
) -> Vec<Result<Generated, ModelError>> {
    let needs = needs(model, rows);
    let (mut admitted, mut answers) = (0, Vec::new());
    while answers.len() < rows.len() {
        match decoding.room_for(needs[admitted..].iter().copied()) {
            0 => decoding.step(model).unwrap(),
            count => {
                decoding.admit(model, &rows[admitted..admitted + count]).unwrap();
                admitted += count;
            }
        }
        answers.append(&mut decoding.take_ended());
    }
    assert!(!decoding.is_running());
    answers.sort_by_key(|(ticket, _)| *ticket);
    answers.into_iter().map(|(_, answer)| answer).collect()
}

fn assert_same(answer: &Generated, alone: &Generated, place: &str) {
    assert_eq!(answer.token_ids, alone.token_ids, "{place}");
    assert!(largest_difference(&answer.margins, &alone.margins) < TOLERANCE, "{place}");
}

#[test]
fn a_row_that_ended_makes_room_for_the_next() {
    for name in CHECKPOINTS {
        let mut fixture = Fixture::random(name);
        let prepared = prepare_all(&mut fixture);
        let options: Vec<GenerationOptions> = (0..prepared.len()).map(options).collect();
        let rows: Vec<_> =
            prepared.iter().zip(&options).map(|(input, options)| row(input, options)).collect();
        let model = fixture.model.as_mut();
        let mut decoding = open(model, SLOTS, &rows);
        let answers = run_through(model, &mut decoding, &rows);
        assert_eq!(decoding.free_slots(), SLOTS);
        for (answer, row) in answers.into_iter().zip(&rows) {
            let alone = generate(model, &[*row]).unwrap().remove(0);
            assert_same(&answer.unwrap(), &alone, name);
        }
    }
}

#[test]
fn a_row_answers_alone_while_others_wait() {
    let mut fixture = Fixture::random("qwen3_vl/tied");
    let prepared = prepare_all(&mut fixture);
    let options = GenerationOptions { max_new_tokens: 8, ..GenerationOptions::default() };
    let rows: Vec<_> = prepared[..3].iter().map(|prepared| row(prepared, &options)).collect();
    let model = fixture.model.as_mut();
    let expected = generate(model, &rows).unwrap();
    let mut decoding = open(model, 3, &rows);
    decoding.admit(model, &rows[..2]).unwrap();
    decoding.step(model).unwrap();
    let alone = decoding.answer_alone(model, &rows[2]).unwrap();
    assert_same(&alone, &expected[2], "alone");
    while decoding.is_running() {
        decoding.step(model).unwrap();
    }
    for ((_, answer), expected) in decoding.take_ended().into_iter().zip(&expected) {
        assert_same(&answer.unwrap(), expected, "waited");
    }
}

/// Features of NaN: only the row that has them fails.
#[test]
fn a_row_without_numbers_fails_alone() {
    let mut fixture = Fixture::random("qwen3_vl/tied");
    let index = fixture.oracle.cases.iter().position(|case| !case.images.is_empty()).unwrap();
    let (good, mut bad) = (fixture.prepare(index), fixture.prepare(index));
    for features in &mut bad.features {
        let tokens = features.tokens.affine(0.0, f64::NAN).unwrap();
        *features = ImageFeatures { tokens, deep: Vec::new() };
    }
    let options = GenerationOptions { max_new_tokens: 4, ..GenerationOptions::default() };
    let rows = [row(&good, &options), row(&bad, &options), row(&good, &options)];
    let model = fixture.model.as_mut();
    let alone = generate(model, &rows[..1]).unwrap().remove(0);
    let mut decoding = open(model, 2, &rows);
    let answers = run_through(model, &mut decoding, &rows);
    assert!(matches!(answers[1], Err(ModelError::NotANumber { generated: 0 })));
    for index in [0, 2] {
        assert_same(answers[index].as_ref().unwrap(), &alone, "good");
    }
}

/// What cannot be admitted takes no slot, and what is there goes on.
#[test]
fn a_refused_row_leaves_the_others_alone() {
    let mut fixture = Fixture::random("qwen3_vl/tied");
    let index = fixture.oracle.cases.iter().position(|case| !case.images.is_empty()).unwrap();
    let good = fixture.prepare(index);
    let mut bad = fixture.prepare(index);
    bad.features.clear();
    let options = GenerationOptions { max_new_tokens: 4, ..GenerationOptions::default() };
    let (good, bad) = (row(&good, &options), row(&bad, &options));
    let model = fixture.model.as_mut();
    let alone = generate(model, &[good]).unwrap().remove(0);
    let mut decoding = open(model, 2, &[good]);
    decoding.admit(model, &[good]).unwrap();
    let error = decoding.admit(model, &[bad]).unwrap_err();
    assert!(matches!(error, ModelError::NoSuchImage { .. }), "{error}");
    assert_eq!(decoding.free_slots(), 1);
    let error = decoding.admit(model, &[good, good]).unwrap_err();
    assert_eq!(error.to_string(), "cache slot 2 does not exist, 2 are reserved");
    while decoding.is_running() {
        decoding.step(model).unwrap();
    }
    let (_, answer) = decoding.take_ended().remove(0);
    assert_same(&answer.unwrap(), &alone, "good");
}

/// A copied slot continues exactly as the one it was copied from.
pub(crate) fn check_copies(name: &str) {
    let mut fixture = Fixture::random(name);
    let (first, second) = (fixture.prepare(0), fixture.prepare(2));
    let capacity = first.prompt.token_ids.len().max(second.prompt.token_ids.len()) + 3;
    let model = fixture.model.as_mut();
    let prefill = |model: &mut dyn VisionLanguageModel, slot, case: &Prepared| {
        let Prepared { images, prompt, features } = case;
        model.prefill(&[PrefillRow { slot: Slot(slot), prompt, images, features }]).unwrap();
    };
    model.reserve(3, capacity).unwrap();
    prefill(model, 0, &first);
    prefill(model, 1, &second);
    // Slot 1 forgets its own prompt and answer for slot 0's.
    model.decode_step(&[(Slot(1), 6), (Slot(0), 8)]).unwrap();
    model.copy_slot(Slot(0), Slot(1)).unwrap();
    model.decode_step(&[(Slot(0), 7)]).unwrap();
    let copied: Vec<Vec<f32>> =
        model.decode_step(&[(Slot(1), 9), (Slot(0), 7)]).unwrap().to_vec2().unwrap();
    prefill(model, 2, &first);
    model.decode_step(&[(Slot(2), 8)]).unwrap();
    let alone: Vec<Vec<f32>> = model.decode_step(&[(Slot(2), 9)]).unwrap().to_vec2().unwrap();
    assert!(largest_difference(&copied[0], &alone[0]) < TOLERANCE, "{name}");
}
