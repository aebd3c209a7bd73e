/*!
The engine's loop around the shipped checkpoint: what is done once, what is done together, and what
stays with the request that failed. A wrapper counts the calls, and fails where a test says so.
*/

use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use candle_core::{Device, Tensor};
use eyechart::answer::SelfCheck;
use eyechart::engine::{
    Answered, BatchSize, Devices, Engine, EngineError, EngineSettings, Event, Fleet,
    ModelDescription, OutOfMemory, SelfChecking, TrialRequest,
};
use eyechart::model::{
    self, Capabilities, ImageFeatures, ModelError, PrefillRow, PreparedImage, PreparedPrompt,
    Processor, Slot, VisionLanguageModel,
};
use eyechart::registry::Registry;
use eyechart::request::{Conversation, GenerationOptions};

fn repository() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// What the model was asked to do, in numbers of pictures or rows.
#[derive(Debug, Default)]
struct Calls {
    encoded: Vec<usize>,
    prefilled: Vec<usize>,
    stepped: Vec<usize>,
    reserved: Vec<usize>,
}

/// Where the wrapper fails.
#[derive(Debug, Clone, Copy)]
enum Fault {
    None,
    /// Memory runs out in a step of more rows.
    StepsAbove(usize),
    /// Memory runs out for a cache of more slots.
    SlotsAbove(usize),
    /// Memory runs out when more pictures are encoded at once.
    PicturesAbove(usize),
    /// Memory runs out for a longer prompt.
    PromptsAbove(usize),
    /// A step panics in which a row takes part whose prompt says "panic".
    Panic,
    /// A step with more than one row swaps the two largest logits of the last row.
    Neighbours,
    /// A picture that is much wider than high cannot be encoded.
    Wide,
    /// A prompt takes long to prepare.
    Slow,
}

/// A processor that takes long.
struct Slow(Arc<dyn Processor>);

impl Processor for Slow {
    fn capabilities(&self) -> Capabilities {
        self.0.capabilities()
    }

    fn prepare_image(&self, image: &image::RgbImage) -> Result<PreparedImage, ModelError> {
        self.0.prepare_image(image)
    }

    fn prepare_prompt(
        &self,
        conversation: &Conversation,
        images: &[PreparedImage],
    ) -> Result<PreparedPrompt, ModelError> {
        std::thread::sleep(Duration::from_millis(100));
        self.0.prepare_prompt(conversation, images)
    }

    fn decode_text(&self, token_ids: &[u32]) -> Result<String, ModelError> {
        self.0.decode_text(token_ids)
    }

    fn stop_tokens(&self) -> &[u32] {
        self.0.stop_tokens()
    }
}

struct Wrapped {
    inner: Box<dyn VisionLanguageModel>,
    calls: Arc<Mutex<Calls>>,
    fault: Fault,
    /// Slots of prompts that say "panic".
    poisoned: Vec<Slot>,
}

/// As the driver's words come through candle.
fn out_of_memory() -> ModelError {
    let driver = "DriverError(CUDA_ERROR_OUT_OF_MEMORY, \"out of memory\")";
    candle_core::Error::Cuda(driver.into()).into()
}

impl Wrapped {
    fn fail_if(&self, fails: bool) -> Result<(), ModelError> {
        if fails { Err(out_of_memory()) } else { Ok(()) }
    }
}

impl VisionLanguageModel for Wrapped {
    fn processor(&self) -> Arc<dyn Processor> {
        match self.fault {
            Fault::Slow => Arc::new(Slow(self.inner.processor())),
            _ => self.inner.processor(),
        }
    }

    fn encode_images(
        &mut self,
        images: &[&PreparedImage],
    ) -> Result<Vec<ImageFeatures>, ModelError> {
        self.calls.lock().unwrap().encoded.push(images.len());
        self.fail_if(matches!(self.fault, Fault::PicturesAbove(most) if images.len() > most))?;
        let is_wide = |image: &&PreparedImage| image.grid.1 >= 3 * image.grid.0;
        if matches!(self.fault, Fault::Wide) && images.iter().any(is_wide) {
            return Err(candle_core::Error::Msg("a picture that no tower takes".into()).into());
        }
        self.inner.encode_images(images)
    }

    fn reserve(&mut self, slots: usize, capacity: usize) -> Result<(), ModelError> {
        self.calls.lock().unwrap().reserved.push(slots);
        self.fail_if(matches!(self.fault, Fault::SlotsAbove(most) if slots > most))?;
        self.inner.reserve(slots, capacity)
    }

    fn prefill(&mut self, rows: &[PrefillRow<'_>]) -> Result<Tensor, ModelError> {
        self.calls.lock().unwrap().prefilled.push(rows.len());
        for row in rows {
            let length = row.prompt.token_ids.len();
            self.fail_if(matches!(self.fault, Fault::PromptsAbove(most) if length > most))?;
            self.poisoned.retain(|slot| *slot != row.slot);
            if row.prompt.rendered.contains("panic") {
                self.poisoned.push(row.slot);
            }
        }
        self.inner.prefill(rows)
    }

    fn decode_step(&mut self, rows: &[(Slot, u32)]) -> Result<Tensor, ModelError> {
        self.calls.lock().unwrap().stepped.push(rows.len());
        self.fail_if(matches!(self.fault, Fault::StepsAbove(most) if rows.len() > most))?;
        let is_poisoned = rows.iter().any(|(slot, _)| self.poisoned.contains(slot));
        assert!(!(matches!(self.fault, Fault::Panic) && is_poisoned), "the row says so");
        let logits = self.inner.decode_step(rows)?;
        match self.fault {
            Fault::Neighbours if rows.len() > 1 => Ok(swap_largest(&logits)),
            _ => Ok(logits),
        }
    }

    fn copy_slot(&mut self, from: Slot, to: Slot) -> Result<(), ModelError> {
        self.inner.copy_slot(from, to)
    }

    fn max_positions(&self) -> usize {
        self.inner.max_positions()
    }
}

/// The logits with the two largest of the last row swapped.
fn swap_largest(logits: &Tensor) -> Tensor {
    let mut rows: Vec<Vec<f32>> = logits.to_vec2().unwrap();
    let last = rows.last_mut().unwrap();
    let mut order: Vec<usize> = (0..last.len()).collect();
    order.sort_by(|left, right| last[*right].total_cmp(&last[*left]));
    last.swap(order[0], order[1]);
    Tensor::new(rows, &Device::Cpu).unwrap()
}

/// What came of a run.
struct Ran {
    /// In the order of the requests.
    answers: Vec<Result<Answered, EngineError>>,
    /// The requests in the order in which they ended.
    order: Vec<usize>,
    shortages: Vec<OutOfMemory>,
    calls: Calls,
}

impl Ran {
    fn texts(&self) -> Vec<&str> {
        self.answers
            .iter()
            .map(|answered| answered.as_ref().unwrap().answer.text.as_str())
            .collect()
    }
}

fn run(requests: &[TrialRequest], batch: usize, fault: Fault) -> Ran {
    run_checked(requests, batch, fault, SelfChecking::Off)
}

fn run_checked(
    requests: &[TrialRequest],
    batch: usize,
    fault: Fault,
    self_check: SelfChecking,
) -> Ran {
    let folder = repository().join("fixtures/models/qwen3-vl-tiny");
    let inner = model::load(&folder, &Device::Cpu, None).unwrap();
    let calls = Arc::new(Mutex::new(Calls::default()));
    let wrapped = Wrapped { inner, calls: Arc::clone(&calls), fault, poisoned: Vec::new() };
    let settings = EngineSettings {
        batch: BatchSize::Fixed(NonZeroUsize::new(batch).unwrap()),
        self_check,
        ..EngineSettings::default()
    };
    let description = ModelDescription {
        name: "wrapped".into(),
        device: "cpu".into(),
        precision: "f32".into(),
        load_time: Duration::ZERO,
        memory_in_use_bytes: None,
    };
    let identity = model::identify(&folder).unwrap();
    let mut engine = Engine::new(Box::new(wrapped), &Device::Cpu, identity, description, &settings);
    let mut answers: Vec<_> = requests.iter().map(|_| None).collect();
    let (mut order, mut shortages) = (Vec::new(), Vec::new());
    engine.answer_all(requests, &mut |event| match event {
        Event::Ended { index, answered } => {
            order.push(index);
            assert!(answers[index].replace(*answered).is_none(), "{index} ended twice");
        }
        Event::OutOfMemory(shortage) => shortages.push(shortage),
    });
    let answers = answers.into_iter().map(Option::unwrap).collect();
    let calls = std::mem::take(&mut *calls.lock().unwrap());
    Ran { answers, order, shortages, calls }
}

fn picture(name: &str) -> PathBuf {
    repository().join("cases/images").join(name)
}

fn request(images: &[&str], prompt: &str, max_new_tokens: usize) -> TrialRequest {
    TrialRequest {
        images: images.iter().map(|name| picture(name)).collect(),
        orientation: eyechart::image::Viewing::Upright,
        conversation: Conversation::ask(images.len(), prompt),
        options: GenerationOptions { max_new_tokens, ..GenerationOptions::default() },
    }
}

/// Eight questions about three pictures.
fn questions() -> Vec<TrialRequest> {
    let ask = |image, prompt| request(&[image], prompt, 24);
    vec![
        ask("traffic.png", "Describe the image."),
        ask("beach.png", "Describe the image."),
        ask("traffic.png", "How many cars are there?"),
        ask("birds.png", "描述这张图片。"),
        ask("beach.png", "Is there a dog?"),
        ask("traffic.png", "Is there a red car?"),
        ask("birds.png", "How many birds are there?"),
        ask("beach.png", "描述这张图片。"),
    ]
}

#[test]
fn each_picture_is_encoded_once_and_the_answers_are_those_of_each_alone() {
    let requests = questions();
    let alone: Vec<Ran> =
        requests.iter().map(|one| run(std::slice::from_ref(one), 1, Fault::None)).collect();
    for batch in [1, 3, 8] {
        let ran = run(&requests, batch, Fault::None);
        for (text, alone) in ran.texts().into_iter().zip(&alone) {
            assert_eq!(text, alone.texts()[0], "batch {batch}");
        }
        assert_eq!(ran.calls.encoded.iter().sum::<usize>(), 3, "batch {batch}");
        let answers = ran.answers.iter().map(|answered| &answered.as_ref().unwrap().answer);
        let reused: Vec<usize> = answers.clone().map(|one| one.conditions.reused_images).collect();
        assert_eq!(reused, [0, 0, 1, 0, 1, 1, 1, 1], "batch {batch}");
        for answer in answers {
            let conditions = &answer.conditions;
            assert!(conditions.own_time <= answer.timings.total());
            assert!((1..=batch).contains(&conditions.largest_batch));
            // The weights alone are 27 MiB.
            for bytes in [conditions.memory_in_use_bytes, answer.peak_memory_bytes] {
                assert!(bytes.unwrap() > 27 << 20);
            }
        }
    }
    // Eight at once: all pictures in one call, all prompts in one call.
    let ran = run(&requests, 8, Fault::None);
    assert_eq!((ran.calls.encoded, ran.calls.prefilled), (vec![3], vec![8]));
    assert_eq!(ran.calls.stepped[0], 8);
}

#[test]
fn a_case_that_shows_a_picture_twice_has_it_encoded_once() {
    let ran = run(&[request(&["birds.png", "birds.png"], "Same?", 4)], 1, Fault::None);
    assert_eq!(ran.calls.encoded, [1]);
    let answered = ran.answers[0].as_ref().unwrap();
    assert_eq!(answered.answer.input.images.len(), 2);
    assert_eq!(answered.answer.conditions.reused_images, 1);
}

#[test]
fn answers_are_told_as_each_ends_and_others_take_their_place() {
    let mut requests = vec![request(&["traffic.png"], "Describe the image.", 24)];
    requests.extend((0..4).map(|_| request(&["traffic.png"], "Is there a red car?", 1)));
    let ran = run(&requests, 2, Fault::None);
    assert_eq!(ran.order, [1, 2, 3, 4, 0]);
    assert_eq!(ran.calls.reserved, [2]);
}

/// A product of one row is rounded otherwise than one of several: what is read in together must not
/// hang on what happened to be prepared by then.
#[test]
fn how_fast_prompts_are_prepared_changes_no_bit_of_an_answer() {
    let mut requests = questions();
    // Answers of several lengths, so that slots become free one after the other.
    requests.iter_mut().zip(1..).for_each(|(one, end)| one.options.max_new_tokens = 3 * end);
    let [fast, slow] = [Fault::None, Fault::Slow].map(|fault| run(&requests, 3, fault));
    assert_eq!(slow.calls.prefilled, fast.calls.prefilled);
    assert_eq!(slow.calls.stepped, fast.calls.stepped);
    assert_eq!(slow.order, fast.order);
    for (slow, fast) in slow.answers.iter().zip(&fast.answers) {
        let [slow, fast] = [slow, fast].map(|one| &one.as_ref().unwrap().answer);
        assert_eq!(slow.margins, fast.margins);
        assert_eq!(slow.conditions.largest_batch, fast.conditions.largest_batch);
    }
}

#[test]
fn too_little_memory_halves_the_batch_and_changes_no_answer() {
    let requests = questions();
    let expected = run(&requests, 1, Fault::None);
    for fault in [Fault::StepsAbove(2), Fault::SlotsAbove(2)] {
        let ran = run(&requests, 8, fault);
        assert_eq!(ran.texts(), expected.texts(), "{fault:?}");
        let halved: Vec<usize> = ran.shortages.iter().map(|shortage| shortage.next_batch).collect();
        assert_eq!(halved, [4, 2], "{fault:?}");
        assert_eq!(ran.shortages[0].requests, [0, 1, 2, 3, 4, 5, 6, 7]);
        let first = &ran.answers[0].as_ref().unwrap().answer.conditions;
        let batches: Vec<usize> = first.shortages.iter().map(|one| one.batch).collect();
        assert_eq!(batches, [8, 4], "{fault:?}");
        assert!(first.shortages[0].peak_memory_bytes.is_some());
        assert!(ran.calls.stepped.iter().max() <= Some(&8));
        // The larger cache is gone before the smaller one comes.
        assert!(ran.calls.reserved.windows(2).any(|pair| pair == [0, 4]), "{:?}", ran.calls);
    }
    let ran = run(&requests, 8, Fault::PicturesAbove(1));
    assert_eq!(ran.texts(), expected.texts());
    assert!(!ran.shortages.is_empty());
}

#[test]
fn what_is_too_large_alone_is_that_cases_error() {
    let mut requests = questions();
    requests[2] = request(&["traffic.png"], &"How many cars are there? ".repeat(40), 24);
    let ran = run(&requests, 4, Fault::PromptsAbove(150));
    let errors: Vec<usize> =
        (0..requests.len()).filter(|index| ran.answers[*index].is_err()).collect();
    assert_eq!(errors, [2]);
    let error = ran.answers[2].as_ref().unwrap_err();
    assert!(matches!(error, EngineError::OutOfMemory { peak_memory_bytes: Some(_), .. }));
    let text = regex::Regex::new(r"after [0-9.]+ .B").unwrap();
    insta::assert_snapshot!(text.replace(&error.to_string(), "after SIZE"));
}

#[test]
fn a_panic_is_the_error_of_the_case_that_brings_it_about() {
    let requests = questions();
    let expected = run(&requests, 1, Fault::None);
    let mut poisoned = requests.clone();
    poisoned[3] = request(&["birds.png"], "panic", 24);
    let ran = run(&poisoned, 4, Fault::Panic);
    for (index, answered) in ran.answers.iter().enumerate() {
        match (index, answered) {
            (3, Err(error)) => {
                assert_eq!(error.to_string(), "a panic ended this trial: the row says so");
            }
            (_, Ok(answered)) => assert_eq!(answered.answer.text, expected.texts()[index]),
            (_, Err(error)) => panic!("{index}: {error}"),
        }
    }
    assert!(ran.shortages.is_empty());
}

#[test]
fn a_picture_that_cannot_be_read_or_encoded_fails_those_that_show_it() {
    let mut requests = questions();
    requests[1] = request(&["gone.png"], "?", 4);
    let ran = run(&requests, 4, Fault::None);
    let error = ran.answers[1].as_ref().unwrap_err();
    assert!(error.to_string().contains("gone.png"), "{error}");
    assert_eq!(ran.answers.iter().filter(|answered| answered.is_err()).count(), 1);

    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("wide.png");
    image::RgbImage::new(512, 128).save(&path).unwrap();
    requests[1].images = vec![path.clone()];
    requests[6].images = vec![path];
    let ran = run(&requests, 8, Fault::Wide);
    let failed: Vec<usize> = (0..8).filter(|index| ran.answers[*index].is_err()).collect();
    assert_eq!(failed, [1, 6]);
}

fn checks(ran: &Ran) -> Vec<SelfCheck> {
    let answers = ran.answers.iter().map(|answered| &answered.as_ref().unwrap().answer);
    answers.map(|answer| answer.conditions.self_check.clone().unwrap()).collect()
}

#[test]
fn the_self_check_finds_nothing_where_neighbours_change_nothing() {
    let requests = questions();
    let ran = run_checked(&requests, 4, Fault::None, SelfChecking::Batch);
    assert!(checks(&ran).into_iter().all(|check| check == SelfCheck::Same));
    // Each is encoded again for itself.
    assert_eq!(ran.calls.encoded.iter().sum::<usize>(), 3 + requests.len());
    assert_eq!(ran.texts(), run(&requests, 4, Fault::None).texts());
}

#[test]
fn the_self_check_finds_an_answer_that_neighbours_change() {
    let requests = questions();
    let alone = run(&requests, 1, Fault::None);
    let ran = run_checked(&requests, 2, Fault::Neighbours, SelfChecking::Batch);
    let mut differing = 0;
    for ((check, text), alone) in checks(&ran).into_iter().zip(ran.texts()).zip(alone.texts()) {
        match check {
            SelfCheck::Same => assert_eq!(text, alone),
            SelfCheck::Differs(other) => {
                differing += 1;
                assert_eq!(other.text_alone, alone);
                assert_ne!(text, alone);
                assert!(other.margin_alone.is_none_or(|margin| margin >= 0.0));
            }
        }
    }
    assert!(differing > 0);
}

/// The program's own way to a model, on two devices of one host.
#[test]
fn two_devices_share_the_requests_and_give_the_same_answers() {
    let registry = Registry::load(repository()).unwrap();
    let entry = registry.models().iter().find(|entry| entry.name == "qwen3-vl-tiny").unwrap();
    let requests = questions();
    let answer = |devices: &str| {
        let devices: Devices = devices.parse().unwrap();
        let settings = EngineSettings { devices, ..EngineSettings::default() };
        let (mut fleet, missing) = Fleet::load(entry, &settings).unwrap();
        let mut told: Vec<Option<(usize, String)>> = vec![None; requests.len()];
        fleet.answer_all(&requests, &mut |engine, event| {
            if let Event::Ended { index, answered } = event {
                told[index] = Some((engine, answered.unwrap().answer.text));
            }
        });
        let told: Vec<_> = told.into_iter().map(Option::unwrap).collect();
        (fleet.engines().len(), missing.len(), told)
    };
    let (engines, missing, one) = answer("cpu");
    assert_eq!((engines, missing), (1, 0));
    let (engines, missing, two) = answer("cpu,cpu");
    assert_eq!((engines, missing), (2, 0));
    let texts =
        |told: &[(usize, String)]| told.iter().map(|(_, text)| text.clone()).collect::<Vec<_>>();
    assert_eq!(texts(&one), texts(&two));
    let places: Vec<usize> = two.iter().map(|(engine, _)| *engine).collect();
    // Traffic and birds go to the first, beach to the second.
    assert_eq!(places, [0, 1, 0, 0, 1, 0, 0, 1]);
    // A device that is not there is left out if another is.
    let (engines, missing, rest) = answer("cpu,cuda:97");
    assert_eq!((engines, missing), (1, 1));
    assert_eq!(texts(&rest), texts(&one));
}
