//! Folders of cases as they may lie on a disk. Times have room for slow machines: what they guard
//! against takes many times as long, or forever.

use std::fmt::Write;
use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use eyechart::case::{self, Checks, Discovered, KnownNames};

const CASE: &str = "(images: [\"a.png\"], prompt: \"?\", expect: Exact(\"a\"))";

fn discover(root: &Path) -> Result<Vec<Discovered>, String> {
    let known = KnownNames { models: vec!["tiny".into()], scorers: Vec::new() };
    case::discover(root, &known, Checks::Structure).map_err(|error| error.to_string())
}

/// The errors of files that are no cases.
fn errors(found: &[Discovered]) -> Vec<String> {
    let error = |one: &Discovered| match one {
        Discovered::Invalid(invalid) => Some(invalid.error.headline()),
        _ => None,
    };
    found.iter().filter_map(error).collect()
}

#[test]
fn defaults_within_defaults_take_time_in_their_length_alone() {
    let root = tempfile::tempdir().unwrap();
    let mut folder = root.path().to_owned();
    for level in 0..6 {
        let mut tags = String::new();
        for tag in 0..20_000 {
            write!(tags, "\"t{level}_{tag}\",").unwrap();
        }
        fs::write(folder.join("defaults.ron"), format!("(tags: [{tags}])")).unwrap();
        fs::write(folder.join("x.ron"), CASE).unwrap();
        folder.push("d");
        fs::create_dir(&folder).unwrap();
    }
    let start = Instant::now();
    let found = discover(root.path()).unwrap();
    assert_eq!((found.len(), errors(&found).len()), (6, 0));
    let Some(Discovered::Case(deepest)) = found.first() else { panic!("no case") };
    assert_eq!(deepest.read().unwrap().tags.len(), 120_000);
    // Comparing each with each takes a minute.
    assert!(start.elapsed() < Duration::from_secs(10), "{:?}", start.elapsed());
}

#[test]
fn many_known_failures_take_time_in_their_number_alone() {
    let root = tempfile::tempdir().unwrap();
    let mut xfail = String::new();
    for number in 0..60_000 {
        write!(xfail, "\"t*{number}\":\"r\",").unwrap();
    }
    let case = |xfail: &str| CASE.replace("expect", &format!("xfail: {{{xfail}}}, expect"));
    fs::write(root.path().join("x.ron"), case(&xfail)).unwrap();
    let start = Instant::now();
    let known = KnownNames::default();
    let found = case::discover(root.path(), &known, Checks::Structure).unwrap();
    assert_eq!(errors(&found), [""; 0]);
    assert!(start.elapsed() < Duration::from_secs(6), "{:?}", start.elapsed());
    fs::write(root.path().join("x.ron"), case("\"t*\":\"r\",\"t*\":\"s\"")).unwrap();
    assert!(errors(&discover(root.path()).unwrap())[0].contains("is there twice"));
}

#[test]
fn folders_without_end_are_refused() {
    let root = tempfile::tempdir().unwrap();
    let mut deep = root.path().to_owned();
    deep.extend(std::iter::repeat_n("d", 80));
    fs::create_dir_all(&deep).unwrap();
    let error = discover(root.path()).unwrap_err();
    assert!(error.starts_with("folders nest more than 64 deep at "), "{error}");
}

/// In each of twenty folders two links to the next: two to the power of twenty paths.
#[cfg(unix)]
#[test]
fn links_that_show_a_folder_again_and_again_are_refused() {
    use std::os::unix::fs::symlink;
    let root = tempfile::tempdir().unwrap();
    let elsewhere = tempfile::tempdir().unwrap();
    let folder = |number: usize| elsewhere.path().join(number.to_string());
    for number in 0..=20 {
        fs::create_dir(folder(number)).unwrap();
    }
    for number in 0..20 {
        symlink(folder(number + 1), folder(number).join("a")).unwrap();
        symlink(folder(number + 1), folder(number).join("b")).unwrap();
    }
    symlink(folder(0), root.path().join("start")).unwrap();
    let error = discover(root.path()).unwrap_err();
    assert!(error.starts_with("more than 100000 folders of cases"), "{error}");
}

#[cfg(unix)]
#[test]
fn what_is_no_file_blocks_nobody() {
    use std::os::unix::fs::symlink;
    let root = tempfile::tempdir().unwrap();
    let path = |name: &str| root.path().join(name);
    let made = std::process::Command::new("mkfifo").arg(path("pipe.ron")).status().unwrap();
    assert!(made.success());
    symlink("/dev/zero", path("device.ron")).unwrap();
    symlink(path("nowhere"), path("broken_link.ron")).unwrap();
    symlink(path("loop.ron"), path("loop.ron")).unwrap();
    let _socket = std::os::unix::net::UnixListener::bind(path("socket.ron")).unwrap();
    symlink(path("pipe.ron"), path("picture.png")).unwrap();
    fs::write(path("pictured.ron"), CASE.replace("a.png", "picture.png")).unwrap();
    let known = KnownNames::default();
    let found = case::discover(root.path(), &known, Checks::Everything).unwrap();
    let told = errors(&found).join("\n");
    assert_eq!(errors(&found).len(), 6, "{told}");
    for words in [
        "pipe.ron: cannot be read: it is a named pipe, not a file",
        "device.ron: cannot be read: it is a device, not a file",
        "socket.ron: cannot be read: it is a socket, not a file",
        "picture.png is no picture that can be read: it is a named pipe",
    ] {
        assert!(told.contains(words), "{words}: {told}");
    }
}

/// Names that are no text, and names that would act on a terminal: each is one error that shows them
/// harmlessly.
#[cfg(unix)]
#[test]
fn hostile_names_of_files_are_shown_harmlessly() {
    use std::ffi::OsStr;
    use std::os::unix::ffi::OsStrExt;
    let root = tempfile::tempdir().unwrap();
    let names: [&[u8]; 4] = [
        b"\xff\xfe.ron",
        b"\x1b[2J.ron",
        b"a\ntest forged::r ... ok.ron",
        "\u{202e}gnp.ron".as_bytes(),
    ];
    for name in names {
        fs::write(root.path().join(OsStr::from_bytes(name)), CASE).unwrap();
    }
    fs::write(root.path().join("a\u{3164}.ron"), CASE).unwrap();
    let found = discover(root.path()).unwrap();
    assert_eq!(errors(&found).len(), 5);
    for text in found.iter().map(|one| one.name().to_string()).chain(errors(&found)) {
        assert!(!text.chars().any(|c| c == '\n' || eyechart::foreign::is_hidden(c)), "{text:?}");
    }
}

#[test]
fn a_file_that_is_too_long_says_the_limit() {
    let root = tempfile::tempdir().unwrap();
    fs::write(root.path().join("a.ron"), " ".repeat(1024 * 1024 + 1)).unwrap();
    assert!(errors(&discover(root.path()).unwrap())[0].contains("longer than 1048576 bytes"));
}
