//! Kills at random moments: nothing told is lost, nothing is torn, and the next run starts.
//!
//! Some dozen kills by default; `EYECHART_KILLS=1000` for a campaign.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::project::{Project, run};

const KILLS: &str = "EYECHART_KILLS";
const KILLS_BY_DEFAULT: usize = 42;
const CASES: usize = 12;

/// What is killed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Killed {
    /// A run that judges recorded answers.
    Replay,
    /// A run that goes on with the one killed before.
    Resume,
    /// Two processes of a nextest run.
    Nextest,
    /// A run that accepts all snapshots anew.
    Snapshots,
    /// A merge of two journals.
    Merge,
    /// A run of the model itself, with a cache of answers.
    Model,
}

/// The model's turn is rare: it takes longest.
const TURNS: [Killed; 14] = {
    use Killed::{Merge, Model, Nextest, Replay, Resume, Snapshots};
    [
        Replay, Resume, Snapshots, Nextest, Merge, Snapshots, Replay, Resume, Nextest, Snapshots,
        Merge, Replay, Resume, Model,
    ]
};

/// Cases with snapshots, of which every third fails, and a journal of their answers.
fn project() -> (Project, Command) {
    let project = Project::new();
    for number in 0..CASES {
        let never = number % 3 == 0;
        let expect = if never { "Exact(\"never\")" } else { "Not(Exact(\"never\"))" };
        let asked = "images: [\"picture.png\"], prompt: \"What is it?\", \
                     generation: (max_new_tokens: 4)";
        project.case(&format!("case_{number:02}"), &format!("{asked}, expect: {expect}"));
    }
    let registry = project.read("eyechart.ron");
    let both = registry.replacen("{", "{\"then\": (replay: \"recorded.jsonl\"), ", 1);
    project.file("eyechart.ron", &both);
    let binary = project.binary();
    let mut first = eval(&project, &binary, "tiny");
    run(first.env("INSTA_UPDATE", "always").env("EYECHART_OUT", "first")).exits(101);
    fs::copy(project.path("first/journal.jsonl"), project.path("recorded.jsonl")).unwrap();
    let mut then = eval(&project, &binary, "then");
    run(then.env("INSTA_UPDATE", "always").env("EYECHART_OUT", "second")).exits(101);
    (project, binary)
}

/// The test binary about one model; `binary` is built once, since asking cargo takes longest.
fn eval(project: &Project, binary: &Command, model: &str) -> Command {
    let mut command = Command::new(binary.get_program());
    command.current_dir(project.path(""));
    for (name, value) in binary.get_envs() {
        match value {
            Some(value) => command.env(name, value),
            None => command.env_remove(name),
        };
    }
    command
        .env("EYECHART_MODELS", model)
        // Else insta asks cargo for it.
        .env("INSTA_WORKSPACE_ROOT", project.path(""));
    command
}

/// Numbers that spread the moments; what they hit, the machine decides.
struct Moments(u64);

impl Moments {
    fn below(&mut self, most: Duration) -> Duration {
        // Knuth's MMIX generator.
        self.0 =
            self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        most.mul_f64((self.0 >> 11) as f64 / (1u64 << 53) as f64)
    }
}

struct Campaign {
    project: Project,
    binary: Command,
    snapshots: BTreeMap<String, Vec<u8>>,
    moments: Moments,
    /// How long each takes that is not killed.
    whole: BTreeMap<Killed, Duration>,
    /// Of each, kills that came before its end.
    hit: BTreeMap<Killed, usize>,
    trials_told: usize,
}

#[test]
fn kills_at_random_moments_lose_and_tear_nothing() {
    let kills = std::env::var(KILLS).map_or(KILLS_BY_DEFAULT, |kills| kills.parse().unwrap());
    let (project, binary) = project();
    let snapshots = snapshots(&project);
    let mut campaign = Campaign {
        project,
        binary,
        snapshots,
        moments: Moments(1),
        whole: BTreeMap::new(),
        hit: BTreeMap::new(),
        trials_told: 0,
    };
    for turn in TURNS.iter().cycle().take(kills) {
        campaign.kill(*turn);
    }
    let Campaign { project, binary, hit, trials_told, .. } = campaign;
    eprintln!("{kills} kills, before the end of {hit:?}; {trials_told} trials told, none lost");
    assert!(hit.values().sum::<usize>() * 2 > kills, "most came too late: {hit:?}");
    // After all of it, the next run is as the first.
    run(eval(&project, &binary, "then").env("CI", "1")).exits(101);
    assert_eq!(recorded(&project).len(), CASES);
    let mut model = eval(&project, &binary, "tiny");
    let said = run(model.env("EYECHART_CACHE", "cache").env("CI", "1")).exits(101);
    assert!(!said.stderr.contains("computed again"), "{}", said.stderr);
}

impl Campaign {
    fn kill(&mut self, killed: Killed) {
        if killed == Killed::Snapshots {
            self.accept_others();
        }
        let whole = self.whole(killed);
        let moment = self.moments.below(whole);
        let mut children = self.start(killed);
        std::thread::sleep(moment);
        let mut is_hit = false;
        for child in &mut children {
            is_hit |= child.try_wait().unwrap().is_none();
            child.kill().unwrap();
            let status = child.wait().unwrap();
            let is_refused = [Some(2), Some(3)].contains(&status.code());
            assert!(!is_refused, "{killed:?} {status}: {}", self.errors());
        }
        *self.hit.entry(killed).or_default() += usize::from(is_hit);
        self.check(killed);
    }

    /// How long it takes unharmed, measured once.
    fn whole(&mut self, killed: Killed) -> Duration {
        if let Some(whole) = self.whole.get(&killed) {
            return *whole;
        }
        let start = Instant::now();
        for mut child in self.start(killed) {
            child.wait().unwrap();
        }
        self.check(killed);
        if killed == Killed::Snapshots {
            self.accept_others();
        }
        *self.whole.entry(killed).or_insert(start.elapsed())
    }

    fn start(&self, killed: Killed) -> Vec<Child> {
        let project = &self.project;
        let run = |model| eval(project, &self.binary, model);
        let mut commands = match killed {
            Killed::Replay | Killed::Resume | Killed::Snapshots => vec![run("then")],
            Killed::Nextest => vec![run("then"), run("then")],
            Killed::Merge => vec![Command::new(env!("CARGO_BIN_EXE_eyechart"))],
            Killed::Model => vec![run("tiny")],
        };
        for (number, command) in commands.iter_mut().enumerate() {
            command.current_dir(project.path("")).env("CI", "1");
            match killed {
                Killed::Replay => command,
                Killed::Resume => command.env("EYECHART_RESUME", "1"),
                Killed::Snapshots => command.env("INSTA_UPDATE", "always"),
                Killed::Nextest => command
                    .args(["--exact", &format!("case_0{}::then", number + 1), "--nocapture"])
                    .envs([("NEXTEST", "1"), ("NEXTEST_RUN_ID", "a-run")]),
                Killed::Merge => command.args(["merge", "first", "second", "--out", "out"]),
                Killed::Model => command.env("EYECHART_CACHE", "cache"),
            };
        }
        let start = |(number, mut command): (usize, Command)| {
            let said = |kind| File::create(project.path(&format!("{kind}_{number}"))).unwrap();
            command.stdout(said("said")).stderr(said("errors"));
            command.stdin(Stdio::null()).spawn().unwrap()
        };
        fs::remove_file(project.path("said_1")).ok();
        commands.into_iter().enumerate().map(start).collect()
    }

    /// Snapshots that all differ from the answers.
    fn accept_others(&self) {
        for (name, whole) in &self.snapshots {
            let text = String::from_utf8(whole.clone()).unwrap();
            let head = &text[..text.rfind("---\n").unwrap() + 4];
            self.project.file(&format!("snapshots/{name}"), &format!("{head}another\n"));
        }
    }

    fn check(&mut self, killed: Killed) {
        let recorded = recorded(&self.project);
        for number in 0..2 {
            let said = fs::read_to_string(self.project.path(&format!("said_{number}")));
            for test in told(&said.unwrap_or_default()) {
                assert!(recorded.contains(&test), "{killed:?}: {test} was told, and is lost");
                self.trials_told += 1;
            }
        }
        self.check_snapshots(killed);
        check_reports(&self.project, killed);
    }

    /// Every snapshot is what it was or what it is to be.
    fn check_snapshots(&self, killed: Killed) {
        for (name, found) in snapshots(&self.project) {
            let whole = &self.snapshots[&name];
            let is_other = found.ends_with(b"---\nanother\n") && found.len() < whole.len() + 10;
            let is_expected = found == *whole || (killed == Killed::Snapshots && is_other);
            let text = String::from_utf8_lossy(&found);
            assert!(is_expected || is_other, "{killed:?}: {name} is torn: {text}");
        }
        assert_eq!(snapshots(&self.project).len(), self.snapshots.len(), "{killed:?}");
    }

    fn errors(&self) -> String {
        let of = |number| fs::read_to_string(self.project.path(&format!("errors_{number}")));
        format!("{}\n{}", of(0).unwrap_or_default(), of(1).unwrap_or_default())
    }
}

/// The tests that were told as ended.
fn told(stdout: &str) -> BTreeSet<String> {
    let line = regex::Regex::new(r"(?m)^test (\S+) \.\.\. (?:ok|FAILED)$").unwrap();
    line.captures_iter(stdout).map(|found| found[1].to_owned()).collect()
}

/// The tests of the journal, all of whose lines but the last must be whole.
fn recorded(project: &Project) -> BTreeSet<String> {
    let journal = fs::read_to_string(project.path("out/journal.jsonl")).unwrap_or_default();
    let mut tests = BTreeSet::new();
    for (number, line) in journal.split_inclusive('\n').enumerate() {
        let parsed: Result<Value, _> = serde_json::from_str(line);
        let Ok(parsed) = parsed else {
            assert!(!line.ends_with('\n'), "line {number} is torn: {line}");
            continue;
        };
        assert!(number > 0 || parsed.get("run").is_some(), "no header: {line}");
        if let Some(trial) = parsed.get("trial") {
            let name = |field: &str| trial[field].as_str().unwrap().to_owned();
            tests.insert(format!("{}::{}", name("case"), name("model")));
        }
    }
    tests
}

fn snapshots(project: &Project) -> BTreeMap<String, Vec<u8>> {
    let entries = fs::read_dir(project.path("snapshots")).unwrap().map(Result::unwrap);
    let named = entries.map(|entry| (entry.file_name().into_string().unwrap(), entry.path()));
    named
        .filter(|(name, _)| name.ends_with(".snap"))
        .map(|(name, path)| (name, fs::read(path).unwrap()))
        .collect()
}

/// Reports that are there are whole, and of the run whose journal is there.
fn check_reports(project: &Project, killed: Killed) {
    let report = |name: &str| fs::read_to_string(project.path(&format!("out/{name}"))).ok();
    if let Some(junit) = report("junit.xml") {
        assert!(junit.trim_end().ends_with("</testsuites>"), "{killed:?}: {junit}");
    }
    if let Some(table) = report("results.csv") {
        assert!(table.ends_with('\n'), "{killed:?}: {table}");
    }
    let Some(summary) = report("summary.json") else { return };
    let summary: Value = serde_json::from_str(&summary).unwrap();
    let journal = project.read("out/journal.jsonl");
    let headers = journal.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let starts = headers.filter_map(|line| line["run"]["started_unix_milliseconds"].as_u64());
    assert_eq!(summary["started_unix_milliseconds"].as_u64(), starts.min(), "{killed:?}");
}
