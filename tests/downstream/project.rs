//! A temporary crate with an eval suite.

use std::ffi::OsStr;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::OnceLock;

use tempfile::TempDir;

const REPOSITORY: &str = env!("CARGO_MANIFEST_DIR");

/// As in our own manifest: it switches on features of crates that candle needs too, and candle
/// would be compiled once more without them.
const SAME_FEATURES: &str =
    r#"proptest = { version = "1", default-features = false, features = ["std"] }"#;

/// The checkpoint that ships, under the name that the tests use.
const REGISTRY: &str = r#"(models: {"tiny": (dir: "REPOSITORY/fixtures/models/qwen3-vl-tiny")})"#;

/// The picture that all cases of the tests show, unless they bring their own.
pub(crate) const PICTURE: &str = "picture.png";

/// A crate in a temporary folder, deleted with this value.
pub(crate) struct Project {
    folder: TempDir,
    _version: Version,
}

impl Project {
    /// A crate with a registry, a picture and no cases.
    pub(crate) fn new() -> Self {
        let version = Version::take();
        let manifest = format!(
            "[package]\nname = \"downstream\"\nversion = \"0.0.{}\"\nedition = \"2024\"\n\n\
             [dev-dependencies]\neyechart = {{ path = {REPOSITORY:?} }}\n{SAME_FEATURES}\n\n\
             [[test]]\nname = \"eval\"\nharness = false\n\n[workspace]\n",
            version.number
        );
        let project = Self { folder: tempfile::tempdir().unwrap(), _version: version };
        project
            .file("Cargo.toml", &manifest)
            .file("src/lib.rs", "")
            .file("tests/eval.rs", "eyechart::main!();\n")
            .file("eyechart.ron", &REGISTRY.replace("REPOSITORY", REPOSITORY));
        // The same lock file gives the same dependencies, which are compiled already.
        std::fs::copy(Path::new(REPOSITORY).join("Cargo.lock"), project.path("Cargo.lock"))
            .unwrap();
        project.picture(PICTURE);
        project
    }

    /// A file, as it is in the project.
    pub(crate) fn path(&self, relative: &str) -> PathBuf {
        self.folder.path().join(relative)
    }

    /// Writes a file.
    pub(crate) fn file(&self, relative: &str, text: &str) -> &Self {
        let path = self.path(relative);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
        self
    }

    /// A case that any model passes.
    pub(crate) fn open_case(&self, name: &str) -> &Self {
        let fields = "images: [\"picture.png\"], prompt: \"What is in the picture?\", \
                      expect: Not(Exact(\"never said\"))";
        self.case(name, fields)
    }

    /// A case file with these fields.
    pub(crate) fn case(&self, name: &str, fields: &str) -> &Self {
        self.file(&format!("cases/{name}.ron"), &format!("(\n    {fields},\n)\n"))
    }

    /// A grey picture in `cases/`.
    fn picture(&self, name: &str) {
        std::fs::create_dir_all(self.path("cases")).unwrap();
        let grey = image::RgbImage::from_pixel(64, 64, image::Rgb([128, 128, 128]));
        grey.save(self.path("cases").join(name)).unwrap();
    }

    pub(crate) fn read(&self, relative: &str) -> String {
        std::fs::read_to_string(self.path(relative))
            .unwrap_or_else(|error| panic!("{relative}: {error}"))
    }

    /// The number of trials in the table of a folder of reports.
    pub(crate) fn results(&self, folder: &str) -> usize {
        let mut table = csv::Reader::from_path(self.path(folder).join("results.csv")).unwrap();
        table.records().map(Result::unwrap).count()
    }

    pub(crate) fn exists(&self, relative: &str) -> bool {
        self.path(relative).exists()
    }

    /// `cargo test --test eval -- ARGUMENTS`, to be changed or run.
    pub(crate) fn eval(&self, arguments: &[&str]) -> Command {
        let mut command = self.cargo();
        command.args(["test", "--quiet", "--release", "--offline", "--test", "eval", "--"]);
        command.args(arguments);
        command
    }

    /// The test binary itself, without cargo around it.
    pub(crate) fn binary(&self) -> Command {
        self.built("eval")
    }

    /// The binary of `tests/NAME.rs`.
    pub(crate) fn built(&self, name: &str) -> Command {
        let mut build = self.cargo();
        build.args(["test", "--release", "--offline", "--test", name, "--no-run"]);
        let said = run(&mut build).exits(0);
        let mark = format!("Executable tests/{name}.rs (");
        let (_, rest) = said.stderr.rsplit_once(&mark).unwrap();
        let mut command = Command::new(rest.split_once(')').unwrap().0);
        without_outer_variables(&mut command);
        command
            .current_dir(self.folder.path())
            .env("CARGO_MANIFEST_DIR", self.folder.path())
            .env("EYECHART_OUT", "out")
            .env("EYECHART_DEVICE", "cpu");
        command
    }

    /// `cargo insta ARGUMENTS`.
    pub(crate) fn insta(&self, arguments: &[&str]) -> Command {
        let mut command = self.cargo();
        command.arg("insta").args(arguments).env("PATH", path_with(cargo_insta()));
        command
    }

    /// `cargo nextest ARGUMENTS`, about the eval suite.
    pub(crate) fn nextest(&self, arguments: &[&str]) -> Command {
        let mut command = self.cargo();
        command.args(["nextest", arguments[0], "--release", "--offline", "--test", "eval"]);
        command.args(&arguments[1..]);
        command
    }

    fn cargo(&self) -> Command {
        let mut command = Command::new(env!("CARGO"));
        command.current_dir(self.folder.path());
        without_outer_variables(&mut command);
        command
            .env("CARGO_TARGET_DIR", target())
            .env("EYECHART_OUT", "out")
            .env("EYECHART_DEVICE", "cpu");
        command
    }

    /// The text with what differs from machine to machine taken out.
    pub(crate) fn redact(&self, text: &str) -> String {
        let folder = self.folder.path().canonicalize().unwrap();
        let text = text
            .replace(&folder.display().to_string(), "PROJECT")
            .replace(&self.folder.path().display().to_string(), "PROJECT")
            .replace(REPOSITORY, "REPOSITORY");
        let text = replace(&text, r"loaded in \d+\.\d+ s", "loaded in TIME");
        replace(&text, r"finished in \d+\.\d+s", "finished in TIME")
    }
}

/// A version that no other project has while this value lives. cargo names the binary of a test
/// after the package's name and version, wherever the package lies: projects of one version that
/// share a target folder would write over each other's.
struct Version {
    number: usize,
    _lock: File,
}

impl Version {
    /// The first that no test of this or another process has locked.
    fn take() -> Self {
        let lock = |number| {
            let path =
                Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("version-{number}.lock"));
            let file = File::create(path).unwrap();
            file.try_lock().is_ok().then_some(Self { number, _lock: file })
        };
        (0..).find_map(lock).unwrap()
    }
}

/// What the outer cargo, nextest or CI set must not leak into the user's session.
fn without_outer_variables(command: &mut Command) {
    let foreign = ["CARGO_", "INSTA_", "EYECHART_", "NEXTEST", "RUST_TEST", "RUST_BACKTRACE"];
    for (name, _) in std::env::vars_os() {
        let text = name.to_string_lossy();
        if foreign.iter().any(|prefix| text.starts_with(prefix)) && text != "CARGO_HOME" {
            command.env_remove(&name);
        }
    }
    command.env_remove("CI");
}

fn replace(text: &str, pattern: &str, by: &str) -> String {
    regex::Regex::new(pattern).unwrap().replace_all(text, by).into_owned()
}

/// What a command said, as text.
pub(crate) struct Said {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

/// Runs a command to its end.
pub(crate) fn run(command: &mut Command) -> Said {
    let Output { status, stdout, stderr } = command.output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    Said { code: status.code(), stdout: text(stdout), stderr: text(stderr) }
}

impl Said {
    /// Asserts the exit code, showing what was said if it is another.
    #[track_caller]
    pub(crate) fn exits(self, code: i32) -> Self {
        let Self { stdout, stderr, .. } = &self;
        assert_eq!(self.code, Some(code), "\n--- stdout\n{stdout}\n--- stderr\n{stderr}");
        self
    }

    /// Lines of stdout that name a test.
    pub(crate) fn test_lines(&self) -> Vec<&str> {
        self.stdout
            .lines()
            .filter(|line| line.starts_with("test ") && !line.starts_with("test result"))
            .collect()
    }
}

/// The target folder of this build.
fn target() -> &'static Path {
    Path::new(env!("CARGO_TARGET_TMPDIR")).parent().unwrap()
}

fn path_with(folder: &Path) -> impl AsRef<OsStr> {
    let old = std::env::var_os("PATH").unwrap_or_default();
    let folders = [folder.to_owned()].into_iter().chain(std::env::split_paths(&old));
    std::env::join_paths(folders).unwrap()
}

/// The folder of a `cargo-insta` of the version of our insta, installed on first use.
fn cargo_insta() -> &'static Path {
    static FOLDER: OnceLock<PathBuf> = OnceLock::new();
    FOLDER.get_or_init(|| {
        let root = target().join("tools");
        let status = Command::new(env!("CARGO"))
            .args(["install", "--quiet", "--locked", "cargo-insta@1.49.0", "--root"])
            .arg(&root)
            .env("CARGO_TARGET_DIR", root.join("build"))
            .env_remove("CARGO_MANIFEST_DIR")
            .status()
            .unwrap();
        assert!(status.success(), "cargo install cargo-insta failed");
        root.join("bin")
    })
}
