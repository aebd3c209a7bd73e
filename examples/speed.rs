//! How long a checkpoint takes on this machine's CPU, stage by stage; the twin of
//! `tools/oracle/speed.py`, which asks transformers the same.
//!
//! `cargo run --release --example speed -- FOLDER IMAGE NEW_TOKENS`

use std::path::Path;
use std::time::{Duration, Instant};

use candle_core::Device;
use eyechart::decode::{DecodeRow, Generated, generate};
use eyechart::image::decode_file;
use eyechart::model::{ModelError, Slot, VisionLanguageModel, load};
use eyechart::request::{Conversation, GenerationOptions};
use image::RgbImage;

const PROMPT: &str = "Locate every car in the image. Report bbox coordinates in JSON format.";
const ROUNDS: usize = 20;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [folder, image, new_tokens] = arguments.as_slice() else {
        return Err("usage: speed FOLDER IMAGE NEW_TOKENS".into());
    };
    let options =
        GenerationOptions { max_new_tokens: new_tokens.parse()?, ..GenerationOptions::default() };
    let mut model = load(Path::new(folder), &Device::Cpu, None)?;
    let pixels = decode_file(Path::new(image))?.pixels;
    let mut rounds = Vec::new();
    for _ in 0..ROUNDS {
        rounds.push(round(model.as_mut(), &pixels, &options)?);
    }
    // The fastest round: the others had to share the machine.
    rounds.sort_by_key(|(vision, answer)| *vision + answer.prefill + answer.decoding);
    let (vision, answer) = &rounds[0];
    let steps = answer.token_ids.len().saturating_sub(1);
    eprintln!("vision {vision:.1?}, first token after {:.1?}", *vision + answer.prefill);
    eprintln!("decode {:.1?} for {steps} steps", answer.decoding);
    Ok(())
}

fn round(
    model: &mut dyn VisionLanguageModel,
    pixels: &RgbImage,
    options: &GenerationOptions,
) -> Result<(Duration, Generated), ModelError> {
    let image = model.processor().prepare_image(pixels)?;
    let images = [image];
    let prompt = model.processor().prepare_prompt(&Conversation::ask(1, PROMPT), &images)?;
    let started = Instant::now();
    let features = model.encode_images(&[&images[0]])?;
    let vision = started.elapsed();
    let row =
        DecodeRow { slot: Slot(0), prompt: &prompt, images: &images, features: &features, options };
    Ok((vision, generate(model, &[row])?.remove(0)))
}
