//! From what the user wrote to what the program trusts: every check of a single file.

use std::path::{Path, PathBuf};

use super::defaults::{Defaults, added};
use super::discover::Checks;
use super::error::{CaseError, Problem};
use super::place::Place;
use super::schema::{RawCase, RawDefaults, RawPreset};
use super::{
    Case, CaseName, Dimension, Expectation, KnownNames, Runs, SnapshotPer, SnapshotPolicy, picture,
};
use crate::geometry::PixelSize;
use crate::image::Viewing;
use crate::request::Task;

mod advised;
mod common;
mod conversation;
mod expectation;
mod metric;
mod repeat;
mod settings;

pub(crate) use common::{Common, StatedCommon, common};
pub(crate) use conversation::ask;

/// What the checks of a file depend on besides the file.
#[derive(Debug, Clone, Copy)]
pub(super) struct Setting<'a> {
    /// What the folder sets.
    pub(super) defaults: &'a Defaults,
    /// The names that the case may use.
    pub(super) known: &'a KnownNames,
    /// How much is looked at.
    pub(super) checks: Checks,
}

/// Checks a case.
pub(super) fn case(
    raw: RawCase,
    name: CaseName,
    path: &Path,
    place: Place<'_>,
    setting: Setting<'_>,
) -> Result<Case, CaseError> {
    let Setting { defaults, known, checks } = setting;
    let images = image_paths(&raw.images, path, defaults, place.field("images"))?;
    let orientation = raw.orientation.or(defaults.orientation).unwrap_or_default();
    let sizes = image_sizes(&images, orientation, checks, place.field("images"))?;
    let preset = raw.preset.or(defaults.preset).and_then(RawPreset::task);
    let RawCase { prompt, turns, system, .. } = raw;
    let asked = conversation::Asked { prompt, turns, system, preset };
    let conversation = conversation::check(asked, defaults, images.len(), place)?;
    let expectation = raw
        .expect
        .map(|raw| {
            let size = sizes.first().copied();
            expectation::check(
                raw,
                place.field("expect"),
                expectation::Known { size, names: known },
            )
        })
        .transpose()?;
    check_options(preset, expectation.as_ref(), place)?;
    let snapshot = raw.snapshot.or(defaults.snapshot).unwrap_or(SnapshotPolicy::Text);
    let allow_near_tie = near_tie(raw.allow_near_tie, place)?.or(defaults.allow_near_tie);
    if expectation.is_none() && snapshot == SnapshotPolicy::Off {
        return Err(place.error(Problem::NothingJudged));
    }
    let stated = settings::check(
        settings::Stated {
            models: raw.models,
            generation: raw.generation,
            tags: raw.tags,
            ignore: raw.ignore,
            xfail: raw.xfail,
        },
        &known.models,
        place,
    )?;
    let models = stated.models.or_else(|| defaults.models.clone()).unwrap_or_default();
    let generation = stated.generation.or(defaults.generation);
    settings::check_together(&generation, place.field("generation"))?;
    let runs = repeat::check(raw.runs, place)?.or(defaults.runs).unwrap_or(Runs::ONCE);
    repeat::check_together(runs, &generation, expectation.as_ref(), place.field("runs"))?;
    Ok(Case {
        name,
        path: path.to_owned(),
        line: Some(place.line()),
        dimension: raw
            .dimension
            .or(defaults.dimension)
            .unwrap_or_else(|| infer_dimension(expectation.as_ref(), preset, images.len())),
        images,
        orientation,
        conversation,
        preset,
        expectation,
        models,
        generation,
        snapshot,
        snapshot_per: raw.snapshot_per.or(defaults.snapshot_per).unwrap_or(SnapshotPer::Model),
        allow_near_tie,
        runs,
        tags: added(defaults.tags.clone(), stated.tags),
        ignore: stated.ignore.or_else(|| defaults.ignore.clone()),
        xfail: stated.xfail.or_else(|| defaults.xfail.clone()).unwrap_or_default(),
    })
}

/// Checks a `defaults.ron`.
pub(super) fn defaults(
    raw: RawDefaults,
    path: &Path,
    place: Place<'_>,
    models: &[String],
) -> Result<Defaults, CaseError> {
    let stated = settings::check(
        settings::Stated {
            models: raw.models,
            generation: raw.generation,
            tags: raw.tags,
            ignore: raw.ignore,
            xfail: raw.xfail,
        },
        models,
        place,
    )?;
    let system =
        raw.system.map(|text| conversation::system(text, place.field("system"))).transpose()?;
    Ok(Defaults {
        image_folder: raw.image_folder.map(|folder| beside(path, &folder)),
        orientation: raw.orientation,
        dimension: raw.dimension,
        system,
        preset: raw.preset,
        models: stated.models,
        generation: stated.generation,
        snapshot: raw.snapshot,
        snapshot_per: raw.snapshot_per,
        allow_near_tie: near_tie(raw.allow_near_tie, place)?,
        runs: repeat::check(raw.runs, place)?,
        tags: stated.tags,
        ignore: stated.ignore,
        xfail: stated.xfail,
    })
}

fn near_tie(margin: Option<f32>, place: Place<'_>) -> Result<Option<f32>, CaseError> {
    match margin {
        Some(margin) if !(margin.is_finite() && margin > 0.0) => {
            let (what, found) = ("allow_near_tie", f64::from(margin));
            let expected = "above 0, in logits";
            Err(place.field(what).error(Problem::NumberRange { what, found, expected }))
        }
        margin => Ok(margin),
    }
}

/// A path that a file names relative to its own folder.
fn beside(file: &Path, path: &str) -> PathBuf {
    file.parent().unwrap_or(Path::new("")).join(path)
}

fn image_paths(
    images: &[String],
    path: &Path,
    defaults: &Defaults,
    place: Place<'_>,
) -> Result<Vec<PathBuf>, CaseError> {
    if images.is_empty() {
        return Err(place.error(Problem::NoImages));
    }
    let resolve = |(index, image): (usize, &String)| {
        let place = place.item(index);
        if image.trim().is_empty() {
            let remedy = "name a file";
            return Err(place.error(Problem::Empty { what: "the picture's name", remedy }));
        }
        if image.contains("://") {
            return Err(place.error(Problem::ImageAddress(image.clone())));
        }
        Ok(match &defaults.image_folder {
            Some(folder) => folder.join(image),
            None => beside(path, image),
        })
    };
    images.iter().enumerate().map(resolve).collect()
}

/// The pictures' sizes; none where the pictures are not to be looked at.
fn image_sizes(
    images: &[PathBuf],
    orientation: Viewing,
    checks: Checks,
    place: Place<'_>,
) -> Result<Vec<PixelSize>, CaseError> {
    let size = match checks {
        Checks::Structure => return Ok(Vec::new()),
        Checks::Everything => picture::size,
        Checks::Decoding => picture::whole,
    };
    let size = |(index, image): (usize, &PathBuf)| {
        size(image, orientation).map_err(|problem| place.item(index).error(problem))
    };
    images.iter().enumerate().map(size).collect()
}

/// Refuses a choice without options.
fn check_options(
    preset: Option<Task>,
    expectation: Option<&Expectation>,
    place: Place<'_>,
) -> Result<(), CaseError> {
    let has_options = expectation.is_some_and(|one| one.options().is_some());
    match preset {
        Some(Task::Choice) if !has_options => Err(place.field("preset").error(Problem::NoOptions)),
        _ => Ok(()),
    }
}

fn infer_dimension(
    expectation: Option<&Expectation>,
    preset: Option<Task>,
    images: usize,
) -> Dimension {
    let has = |wanted: fn(&Expectation) -> bool| expectation.is_some_and(|e| e.has(wanted));
    if preset == Some(Task::Grounding) || has(|part| matches!(part, Expectation::Boxes { .. })) {
        Dimension::Grounding
    } else if images > 1 {
        Dimension::SeveralImages
    } else if preset == Some(Task::Description) || has(|part| matches!(part, Expectation::Facts(_)))
    {
        Dimension::Description
    } else {
        Dimension::QuestionAnswering
    }
}
