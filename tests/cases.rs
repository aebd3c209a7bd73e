//! Discovery and checking on the fixtures: what is right becomes a case, and what is wrong becomes
//! one message a file that says where and what to do.

use std::fmt::Write;
use std::path::Path;

use eyechart::answer::FinishReason;
use eyechart::case::{self, Case, Checks, Discovered, DiscoveryError, KnownNames};
use eyechart::score::{Evidence, judge};

const OK: &str = "fixtures/cases/ok";
const ERR: &str = "fixtures/cases/err";

fn known() -> KnownNames {
    KnownNames {
        models: ["qwen3-vl-tiny", "llava-1.5-tiny"].map(String::from).to_vec(),
        scorers: ["clip", "minilm"].map(String::from).to_vec(),
    }
}

fn discover(root: &str, checks: Checks) -> Vec<Discovered> {
    case::discover(Path::new(root), &known(), checks).unwrap()
}

fn valid_cases() -> Vec<Case> {
    discover(OK, Checks::Everything)
        .into_iter()
        .map(|discovered| match discovered {
            Discovered::Case(found) => found.read().unwrap(),
            Discovered::Invalid(invalid) => panic!("{}", invalid.error),
            Discovered::Dataset(file) => panic!("{} is no case", file.path.display()),
        })
        .collect()
}

fn valid_case(name: &str) -> Case {
    valid_cases().into_iter().find(|case| case.name.as_str() == name).unwrap()
}

#[test]
fn what_is_right_becomes_a_case() {
    let mut shown = String::new();
    for case in valid_cases() {
        writeln!(shown, "{case:#?}").unwrap();
    }
    insta::with_settings!({snapshot_path => "../fixtures/cases", prepend_module_to_snapshot => false, omit_expression => true}, {
        insta::assert_snapshot!("ok", shown);
    });
}

#[test]
fn what_is_wrong_is_named_and_placed() {
    for discovered in discover(ERR, Checks::Everything) {
        let Discovered::Invalid(invalid) = discovered else {
            panic!("{} is wrong but passed", discovered.path().display());
        };
        let file = invalid.path.strip_prefix(ERR).unwrap().with_extension("");
        let name = file.to_string_lossy().replace('/', "--");
        let shown = format!("{}\n\n{}", invalid.name, invalid.error);
        insta::with_settings!({snapshot_path => "../fixtures/cases/err/expected", prepend_module_to_snapshot => false, omit_expression => true}, {
            insta::assert_snapshot!(name, shown);
        });
    }
}

#[test]
fn every_error_has_a_line_and_a_column() {
    for discovered in discover(ERR, Checks::Everything) {
        let Discovered::Invalid(invalid) = discovered else { continue };
        assert!(invalid.error.position().is_some(), "{}", invalid.error);
        let place = invalid.error.headline();
        assert!(place.starts_with(invalid.path.to_str().unwrap()), "{place}");
    }
}

#[test]
fn listing_opens_no_picture() {
    let names = |checks| -> Vec<String> {
        discover(OK, checks).iter().map(|one| one.name().to_string()).collect()
    };
    assert_eq!(names(Checks::Structure), names(Checks::Everything));
    let structure = discover(ERR, Checks::Structure);
    let is_valid = |name: &str| {
        structure
            .iter()
            .any(|one| one.name().as_str() == name && matches!(one, Discovered::Case(_)))
    };
    for name in ["missing_image", "broken_image", "box_beyond_picture"] {
        assert!(is_valid(name), "{name}");
    }
}

#[test]
fn globs_are_not_checked_while_no_model_is_known() {
    let found = case::discover(Path::new(ERR), &KnownNames::default(), Checks::Structure).unwrap();
    let is_valid = |name: &str| {
        found.iter().any(|one| one.name().as_str() == name && matches!(one, Discovered::Case(_)))
    };
    assert!(is_valid("unknown_model") && is_valid("unknown_model_in_xfail"));
}

#[test]
fn nothing_to_find_is_an_error() {
    let empty = tempfile::tempdir().unwrap();
    let find =
        |root: &Path| case::discover(root, &KnownNames::default(), Checks::Structure).unwrap_err();
    let error = find(empty.path());
    assert!(matches!(error, DiscoveryError::NoCases { .. }));
    assert_eq!(
        error.to_string(),
        format!("no case found: {} has no file that matches **/*.ron", empty.path().display())
    );
    std::fs::write(empty.path().join("defaults.ron"), "(tags: [])").unwrap();
    assert!(matches!(find(empty.path()), DiscoveryError::NoCases { .. }));
    let error = find(&empty.path().join("nowhere"));
    assert!(error.to_string().starts_with("there is no folder "), "{error}");
}

#[test]
fn a_huge_file_is_an_error_and_not_a_stall() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("huge.ron"), vec![b'('; 3_000_000]).unwrap();
    std::fs::write(folder.path().join("large.ron"), vec![b'['; 1_000_000]).unwrap();
    let found = case::discover(folder.path(), &KnownNames::default(), Checks::Structure).unwrap();
    assert!(found.iter().all(|one| matches!(one, Discovered::Invalid(_))));
}

/// Every valid fixture with a byte removed, doubled or replaced, at every seventh place.
#[test]
fn no_damaged_file_makes_the_checks_panic() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("a.ron");
    for discovered in discover(OK, Checks::Structure) {
        let bytes = std::fs::read(discovered.path()).unwrap();
        for place in (0..bytes.len()).step_by(7) {
            for replacement in [&b""[..], b"(", b"\"", b"\xff", b"/*", &bytes[place..=place]] {
                let rest = bytes[place + 1..].iter();
                let damaged: Vec<u8> =
                    bytes[..place].iter().chain(replacement).chain(rest).copied().collect();
                std::fs::write(&file, damaged).unwrap();
                let found = case::discover(folder.path(), &known(), Checks::Structure).unwrap();
                if let Discovered::Invalid(invalid) = &found[0] {
                    assert!(invalid.error.position().is_some());
                }
            }
        }
    }
}

/// Tests run on threads of 2 MiB, and unoptimised builds need several times the stack.
#[test]
fn nested_files_need_little_stack() {
    let small = std::thread::Builder::new().stack_size(512 * 1024);
    let thread = small.spawn(|| discover(ERR, Checks::Structure).len()).unwrap();
    assert!(thread.join().unwrap() > 80);
}

#[cfg(unix)]
#[test]
fn a_link_back_up_is_not_followed() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("a.ron"), "(images: [\"a.png\"], prompt: \"?\")").unwrap();
    std::os::unix::fs::symlink(folder.path(), folder.path().join("again")).unwrap();
    let found = case::discover(folder.path(), &KnownNames::default(), Checks::Structure).unwrap();
    assert_eq!(found.len(), 1);
}

#[test]
fn models_are_chosen_and_known_failures_found_by_glob() {
    let case = valid_case("short::colour");
    assert!(case.runs_on("qwen3-vl-2b") && !case.runs_on("blip2-tiny"));
    assert_eq!(case.known_failure("llava-1.5-7b").unwrap().reason, "answers in English");
    assert_eq!(case.known_failure("qwen3-vl-2b").unwrap().reason, "never reached");
    assert!(valid_case("short::exact").runs_on("anything"));
}

/// The first example of the article that this project grew from: three published captions of a
/// picture in which a child plays football in a park, and the marks they were given.
#[test]
fn the_published_captions_earn_about_the_published_marks() {
    let expectation = valid_case("description::child_football").expectation.unwrap();
    let points = |text| {
        let finish = FinishReason::Stop;
        judge(
            &expectation,
            Evidence {
                text,
                finish,
                notation: None,
                image_sizes: &[],
                question: "",
                opinions: &[],
            },
        )
        .points
    };
    for (caption, published) in [
        ("一个男孩在草地上踢足球,远处有树木和游乐设施", 4.8),
        ("小孩在户外玩球", 3.5),
        ("有人在进行体育活动", 2.9),
    ] {
        let points = points(caption);
        assert!((points - published).abs() <= 0.3, "{caption}: {points}, published {published}");
    }
}
