//! Whether the files of a case's snapshots can be called what they would be.

use crate::case::error::{CaseError, Problem};
use crate::case::place::Place;
use crate::case::{CaseName, ModelPattern, SnapshotPolicy, runs_on};

/// Most bytes of a file's name, on Linux, macOS and (in UTF-16 units, which are no more) Windows.
pub(crate) const MOST_NAME_BYTES: usize = 255;

/// Bytes of what may stand behind the model's name: `.metal` or `.input`, and then `.snap.new`.
const ENDING_BYTES: usize = ".metal".len() + ".snap.new".len();

/// Refuses a case one of whose snapshots no file system could keep, on any of the models it runs on.
pub(super) fn check(
    name: &CaseName,
    policy: SnapshotPolicy,
    models: &[ModelPattern],
    known: &[String],
    place: Place<'_>,
) -> Result<(), CaseError> {
    if policy == SnapshotPolicy::Off {
        return Ok(());
    }
    let on = known.iter().filter(|model| runs_on(models, model));
    let longest = on.max_by_key(|model| model.len()).map_or("", String::as_str);
    let bytes = name.snapshot_stem().len() + "@".len() + longest.len() + ENDING_BYTES;
    match bytes > MOST_NAME_BYTES {
        true => Err(place.field("id").error(Problem::LongName {
            bytes,
            most: MOST_NAME_BYTES,
            model: longest.to_owned(),
        })),
        false => Ok(()),
    }
}
