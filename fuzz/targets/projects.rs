//! Cases, folder defaults and registries.

use std::path::Path;

use eyechart::case::{self, Checks, Discovered, KnownNames};
use eyechart::registry::Registry;

use super::{Target, files, write};

pub(super) const CASE: Target = Target {
    name: "case",
    seeds: || {
        let mut seeds = files("fixtures/cases/*/**/*.ron");
        seeds.extend(files("cases/**/*.ron"));
        seeds
    },
    run: |folder, input| {
        write(&folder.join("x.ron"), input);
        discover(folder);
    },
};

pub(super) const DEFAULTS: Target = Target {
    name: "defaults",
    seeds: || files("**/defaults.ron"),
    run: |folder, input| {
        write(&folder.join("defaults.ron"), input);
        write(&folder.join("x.ron"), br#"(images: ["x.png"], prompt: "?", expect: YesNo(Yes))"#);
        discover(folder);
    },
};

pub(super) const REGISTRY: Target = Target {
    name: "registry",
    seeds: || {
        let mut seeds = files("**/eyechart.ron");
        seeds.push(br#"(models: {"a": (hub: "o/n", revision: "main", files: {}), "b": (dir: "d", dtype: F16)},
            scorers: {"clip": (dir: "c")}, default_models: ["a*"], price_per_hour: (currency: "EUR", devices: {"cuda": 2.5}))"#
            .to_vec());
        seeds
    },
    run: |_, input| {
        if let Ok(text) = std::str::from_utf8(input) {
            said(Registry::parse(text, Path::new("eyechart.ron")));
        }
    },
};

fn discover(folder: &Path) {
    let Ok(found) = case::discover(folder, &KnownNames::default(), Checks::Structure) else {
        return;
    };
    for one in found {
        match one {
            Discovered::Case(case) => said(case.read()),
            Discovered::Invalid(invalid) => drop(invalid.error.to_string()),
            Discovered::Dataset(_) => {}
        }
    }
}

/// Writes an error's message, which is code of ours too.
pub(super) fn said<T, E: std::fmt::Display>(result: Result<T, E>) {
    if let Err(error) = result {
        drop(error.to_string());
    }
}
