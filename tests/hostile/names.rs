//! Sizes of names, globs and lists of `eyechart.ron`.

use std::path::Path;
use std::time::{Duration, Instant};

use eyechart::registry::Registry;

fn refusal(text: &str) -> String {
    Registry::parse(text, Path::new("eyechart.ron")).unwrap_err().to_string()
}

#[test]
fn long_lists_and_long_names_are_refused_with_the_bound() {
    let models = |count: usize| -> String {
        (0..count).map(|number| format!("\"m{number}\": (dir: \"x\"), ")).collect()
    };
    assert!(Registry::parse(&format!("(models: {{{}}})", models(1000)), Path::new("e")).is_ok());
    let many = refusal(&format!("(models: {{{}}})", models(1001)));
    assert_eq!(many, "1001 models, expected 1000 at most");
    let long = refusal(&format!("(models: {{\"{}\": (dir: \"x\")}})", "a".repeat(81)));
    assert!(long.contains("81 letters, expected 80 at most"), "{long}");
    let glob = "*a".repeat(200);
    let glob = refusal(&format!("(models: {{\"a\": (dir: \"x\")}}, default_models: [\"{glob}\"])"));
    assert!(glob.contains("400 bytes long, expected 256 at most"), "{glob}");
    let price =
        r#"(models: {"a": (dir: "x")}, price_per_hour: (currency: "E", devices: {"cpu": inf}))"#;
    assert!(refusal(price).contains("0 to 1000000000"));
}

/// Globs that make a matcher go back again and again, against a name that nearly fits.
#[test]
fn no_glob_takes_long() {
    let name = "a".repeat(79);
    let text = format!("(models: {{\"{name}\": (dir: \"x\")}})");
    let registry = Registry::parse(&text, Path::new("e")).unwrap();
    let start = Instant::now();
    for glob in
        [format!("{}b", "*a".repeat(70)), "[!b]*".repeat(50), format!("{}b", "?*".repeat(100))]
    {
        let _ = registry.select(&[glob]);
    }
    assert!(start.elapsed() < Duration::from_secs(5));
}

#[test]
fn nesting_is_limited() {
    let deep = format!("(models: {}", "(".repeat(100_000));
    assert!(!refusal(&deep).is_empty());
}

#[cfg(unix)]
#[test]
fn a_registry_that_is_no_file_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    std::os::unix::fs::symlink("/dev/zero", folder.path().join("eyechart.ron")).unwrap();
    let error = Registry::load(folder.path()).unwrap_err().to_string();
    assert!(error.contains("it is a device, not a file"), "{error}");
}
