//! The program that libFuzzer drives; the variable `FUZZ_TARGET` names the target.

#![no_main]

#[path = "../targets/mod.rs"]
mod targets;

use std::panic::{AssertUnwindSafe, catch_unwind, set_hook};
use std::path::Path;
use std::sync::OnceLock;

use targets::{TARGETS, Target};

struct Campaign {
    target: &'static Target,
    folder: tempfile::TempDir,
}

libfuzzer_sys::fuzz_target!(|input: &[u8]| {
    static CAMPAIGN: OnceLock<Campaign> = OnceLock::new();
    let Campaign { target, folder } = CAMPAIGN.get_or_init(begin);
    if catch_unwind(AssertUnwindSafe(|| (target.run)(folder.path(), input))).is_err() {
        std::process::abort();
    }
});

/// libFuzzer's own hook ends the process at any panic, also at one of a library's that eyechart
/// catches and reports; only one that escapes counts.
fn begin() -> Campaign {
    set_hook(Box::new(|panic| eprintln!("{panic}")));
    let name = std::env::var("FUZZ_TARGET").unwrap_or_default();
    let known = TARGETS.iter().find(|target| target.name == name);
    let target = known.unwrap_or_else(|| {
        let names: Vec<_> = TARGETS.iter().map(|target| target.name).collect();
        eprintln!("FUZZ_TARGET is one of {}, not {name:?}", names.join(", "));
        std::process::exit(2)
    });
    if let Some(seeds) = std::env::var_os("FUZZ_SEEDS") {
        write_seeds(target, Path::new(&seeds));
        std::process::exit(0)
    }
    Campaign { target, folder: targets::scratch() }
}

fn write_seeds(target: &Target, folder: &Path) {
    std::fs::create_dir_all(folder).expect("a folder for seeds");
    for (index, seed) in (target.seeds)().iter().enumerate() {
        std::fs::write(folder.join(format!("seed-{index}")), seed).expect("can be written");
    }
}
