//! A short pass of the fuzzing campaign, in every test run: each target of `fuzz/` takes its seeds, what
//! the campaign has found, and mutations of both. `fuzz/run` is the long one, by coverage.

#[path = "../fuzz/targets/mod.rs"]
mod targets;

use std::path::Path;
use std::time::{Duration, Instant};

use rand::rngs::StdRng;
use rand::seq::IndexedRandom;
use rand::{Rng, SeedableRng};

use targets::{TARGETS, Target};

/// Time for the mutations of one target; more by the variable `FUZZ_SECONDS`.
const SECONDS: u64 = 2;
/// Time that no input may take, seeds included, on a busy machine without optimisation.
const PATIENCE: Duration = Duration::from_secs(10);

#[test]
fn no_input_makes_a_parser_panic_or_hang() {
    let seconds = std::env::var("FUZZ_SECONDS").ok().and_then(|text| text.parse().ok());
    let time = Duration::from_secs(seconds.unwrap_or(SECONDS));
    std::thread::scope(|scope| {
        for part in TARGETS.chunks(TARGETS.len().div_ceil(2)) {
            scope.spawn(move || part.iter().for_each(|target| attack(target, time)));
        }
    });
}

fn attack(target: &Target, time: Duration) {
    let mut inputs = (target.seeds)();
    inputs.extend(committed(target));
    assert!(!inputs.is_empty(), "{} has no seed", target.name);
    let folder = targets::scratch();
    inputs.iter().for_each(|input| feed(target, folder.path(), input));
    // A fixed seed: the same inputs on every machine that is as fast.
    let mut random = StdRng::seed_from_u64(20_261_201);
    let started = Instant::now();
    let mut executions = 0;
    while started.elapsed() < time {
        let input = mutated(&inputs, &mut random);
        feed(target, folder.path(), &input);
        executions += 1;
    }
    eprintln!("{}: {} seeds, {executions} mutations", target.name, inputs.len());
}

/// Inputs that the campaign has kept: `fuzz/corpus/TARGET/*`.
fn committed(target: &Target) -> Vec<Vec<u8>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus").join(target.name);
    let entries = std::fs::read_dir(folder).into_iter().flatten();
    let mut paths: Vec<_> = entries.map(|entry| entry.expect("an entry").path()).collect();
    paths.sort();
    paths.iter().map(|path| std::fs::read(path).expect("can be read")).collect()
}

/// Whoever breaks is named with the input, which is kept for a look.
fn feed(target: &Target, folder: &Path, input: &[u8]) {
    let started = Instant::now();
    let kept = std::env::temp_dir().join(format!("eyechart-fuzz-{}", target.name));
    let run = std::panic::AssertUnwindSafe(|| (target.run)(folder, input));
    let ended = std::panic::catch_unwind(run);
    let took = started.elapsed();
    if ended.is_err() || took > PATIENCE {
        std::fs::write(&kept, input).expect("the input can be kept");
        panic!("{}: {took:?}, panicked: {}; see {}", target.name, ended.is_err(), kept.display());
    }
}

/// One to four changes of an input: bits, numbers at the edge, parts doubled, moved, cut or taken from others.
fn mutated(inputs: &[Vec<u8>], random: &mut StdRng) -> Vec<u8> {
    let mut input = inputs.choose(random).cloned().unwrap_or_default();
    for _ in 0..random.random_range(1..=4) {
        let at = random.random_range(0..=input.len());
        let end = random.random_range(at..=input.len()).min(at + 64);
        match random.random_range(0..7) {
            0 if at < input.len() => input[at] ^= 1 << random.random_range(0..8),
            1 if at < input.len() => input[at] = *EDGES.choose(random).unwrap_or(&0),
            2 => drop(input.drain(at..end)),
            3 => {
                let part = input[at..end].repeat(random.random_range(1..=4));
                input.splice(at..at, part);
            }
            4 => {
                let token = TOKENS.choose(random).copied().unwrap_or_default();
                input.splice(at..end, token.iter().copied());
            }
            5 => input.truncate(at),
            _ => {
                let other = inputs.choose(random).map(Vec::as_slice).unwrap_or_default();
                let from = random.random_range(0..=other.len());
                let part = &other[from..(from + 64).min(other.len())];
                input.splice(at..end, part.iter().copied());
            }
        }
    }
    input
}

const EDGES: [u8; 12] = [0, 1, 9, 10, 13, 27, 34, 92, 127, 128, 254, 255];
const TOKENS: [&[u8]; 14] = [
    b"-1",
    b"1e999",
    b"NaN",
    b"18446744073709551616",
    b"\xff\xff\xff\x7f",
    b"\xff\xff\xff\xff\xff\xff\xff\xff",
    b"[[[[[[[[",
    b"{\"\":",
    b"\"",
    b"\\u{d800}",
    "\u{202e}".as_bytes(),
    "\u{feff}".as_bytes(),
    b"../",
    b"\r\n",
];
