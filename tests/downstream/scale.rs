use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::project::{Project, run};

const CASE: &str = "images: [\"picture.png\"], prompt: \"What?\", expect: Regex(\".\"), \
                    snapshot: Off";

/// Tokens of each recorded prompt: those of a few large pictures.
const PROMPT_TOKENS: usize = 8000;

/// A project whose `count` cases are replayed, and the length of their journal in bytes.
fn replaying(count: usize) -> (Project, u64) {
    let project = Project::new();
    project.case("one", CASE);
    run(&mut project.eval(&[])).exits(0);
    let journal = project.read("out/journal.jsonl");
    let (header, trial) = journal.trim_end().split_once('\n').unwrap();
    let mut trial: Value = serde_json::from_str(trial).unwrap();
    trial["trial"]["answer"]["input"]["token_ids"] = json!(vec![151_655; PROMPT_TOKENS]);
    std::fs::remove_file(project.path("cases/one.ron")).unwrap();
    let mut recorded = format!("{header}\n");
    for number in 0..count {
        let name = format!("case_{number:05}");
        project.case(&name, CASE);
        trial["trial"]["case"] = json!(name);
        recorded.push_str(&format!("{trial}\n"));
    }
    project.file("recorded.jsonl", &recorded);
    project.file("eyechart.ron", "(models: {\"then\": (replay: \"recorded.jsonl\")})");
    (project, recorded.len() as u64)
}

fn start(project: &Project) -> Child {
    let binary = project.binary();
    Command::new(binary.get_program())
        .current_dir(project.path(""))
        .env("CARGO_MANIFEST_DIR", project.path(""))
        .env("EYECHART_OUT", "out")
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap()
}

/// Most resident memory of a process until it ended well, in bytes, as often as it was looked at.
fn peak_bytes(mut process: Child) -> u64 {
    let status = Path::new("/proc").join(process.id().to_string()).join("status");
    let mut peak = 0;
    loop {
        let text = std::fs::read_to_string(&status).unwrap_or_default();
        let line = text.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        let kibibytes = line.and_then(|line| line.trim().strip_suffix(" kB")?.trim().parse().ok());
        peak = peak.max(kibibytes.unwrap_or(0) * 1024);
        if let Some(status) = process.try_wait().unwrap() {
            assert!(status.success());
            return peak;
        }
        std::thread::sleep(Duration::from_millis(2));
    }
}

/// The exact figures are measured by `tools/scale/replay.py`; here the machine may be busy and the
/// build without optimisation.
#[test]
fn thousands_of_replayed_cases_take_little_time_and_their_answers_no_memory() {
    const FEW: usize = 150;
    const MANY: usize = 1500;
    let (few, _) = replaying(FEW);
    let (many, journal_bytes) = replaying(MANY);
    let started = Instant::now();
    run(&mut many.eval(&[])).exits(0);
    let each = started.elapsed() / u32::try_from(MANY).unwrap();
    assert!(each < Duration::from_millis(5), "{each:?} a case");
    if cfg!(target_os = "linux") {
        let (base, full) = (peak_bytes(start(&few)), peak_bytes(start(&many)));
        let growth = full.saturating_sub(base) / (MANY - FEW) as u64;
        let recorded = journal_bytes / MANY as u64;
        assert!(recorded > 48 << 10 && growth < 2 << 10, "{growth} of {recorded} bytes a case");
    }
}
