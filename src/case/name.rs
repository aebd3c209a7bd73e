//! Names of cases.

use std::fmt;

use serde::{Deserialize, Serialize};
use unicode_normalization::UnicodeNormalization;

use crate::checksum;
use crate::foreign;

/// Longest name, in bytes of its snapshot's file. Most systems take file names of 255 bytes, of which a
/// model's name has [`crate::registry::LONGEST_NAME_BYTES`] and the endings the rest.
const LONGEST_BYTES: usize = 150;

/// Longest name of a data set: its rows' names begin with it.
const LONGEST_DATASET_BYTES: usize = 110;

/// Hexadecimal digits that tell long names of rows apart.
const DIGITS: usize = 16;

/// `folder::case`, unique in a run; also the base of the snapshot's name.
///
/// Each part holds letters (of any script), digits, `_`, `-` and inner dots, so that it can stand
/// in a file name on every system and in a test filter without quotes.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct CaseName(Box<str>);

/// What a name is of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum NameKind {
    Case,
    /// Something whose rows have longer names.
    DataSet,
}

impl CaseName {
    const SEPARATOR: &str = "::";

    /// The name of a case in a folder, or the part that is no name.
    pub(super) fn new(folders: &[String], stem: &str) -> Result<Self, String> {
        let parts = || folders.iter().map(String::as_str).chain([stem]);
        match parts().find(|part| !is_part(part)) {
            Some(bad) => Err(bad.to_owned()),
            None => Ok(Self(parts().collect::<Vec<_>>().join(Self::SEPARATOR).into())),
        }
    }

    /// A name for a file that cannot be a case under its own: what no name may hold becomes `_`.
    pub(super) fn stand_in(folders: &[String], stem: &str) -> Self {
        let parts = folders.iter().map(String::as_str).chain([stem]);
        let parts: Vec<String> = parts
            .map(|part| part.chars().map(|c| if is_name_character(c) { c } else { '_' }).collect())
            .collect();
        Self(parts.join(Self::SEPARATOR).into())
    }

    /// The name of a part of this: what no name may hold becomes `_`, and of one that would be too long
    /// the end becomes a hash of the whole.
    pub(crate) fn child(&self, part: &str) -> Self {
        let shown = Self::stand_in(&[], part.trim_matches('.'));
        let room = LONGEST_BYTES.saturating_sub(self.0.len() + Self::SEPARATOR.len());
        let shown = match shown.0.len() > room {
            true => {
                let kept = shown.0.floor_char_boundary(room.saturating_sub(DIGITS + 1));
                format!("{}_{}", &shown.0[..kept], &checksum::of_bytes(part.as_bytes())[..DIGITS])
            }
            false => shown.0.into(),
        };
        Self(format!("{}{}{shown}", self.0, Self::SEPARATOR).into())
    }

    /// How many bytes it is too long by for the names of files that are made of it, and the most there
    /// may be.
    pub(super) fn excess(&self, kind: NameKind) -> Option<(usize, usize)> {
        let limit = match kind {
            NameKind::Case => LONGEST_BYTES,
            NameKind::DataSet => LONGEST_DATASET_BYTES,
        };
        Some((self.snapshot_stem().len(), limit)).filter(|(found, limit)| found > limit)
    }

    /// The names of which it would be a part.
    pub(super) fn around(&self) -> impl Iterator<Item = &str> {
        self.0.match_indices(Self::SEPARATOR).map(|(end, _)| &self.0[..end])
    }

    /// The whole name.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The folders, joined by `::`; empty for a case at the root.
    pub fn folder(&self) -> &str {
        self.0.rsplit_once(Self::SEPARATOR).map_or("", |(folder, _)| folder)
    }

    /// The last part.
    pub fn stem(&self) -> &str {
        self.0.rsplit_once(Self::SEPARATOR).map_or(&self.0, |(_, stem)| stem)
    }

    /// The base of the snapshot's file name, `folder__case`.
    pub fn snapshot_stem(&self) -> String {
        self.0.replace(Self::SEPARATOR, "__")
    }

    /// Equal for names whose snapshots would be one file on some system: some ignore case, and
    /// some the way in which an accent is encoded.
    pub(super) fn collision_key(&self) -> String {
        self.snapshot_stem().nfc().collect::<String>().to_lowercase()
    }
}

impl fmt::Display for CaseName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

fn is_part(part: &str) -> bool {
    !part.is_empty()
        && part.chars().all(is_name_character)
        && !part.starts_with('.')
        && !part.ends_with('.')
}

fn is_name_character(c: char) -> bool {
    // Some letters and marks show nothing.
    let is_letter = (c.is_alphanumeric() || is_combining(c)) && foreign::is_plain(c);
    is_letter || matches!(c, '_' | '-' | '.')
}

/// Accents as some systems store them in file names: apart from their letter.
fn is_combining(c: char) -> bool {
    unicode_normalization::char::is_combining_mark(c)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(folders: &[&str], stem: &str) -> Result<CaseName, String> {
        let folders: Vec<String> = folders.iter().map(|folder| (*folder).to_owned()).collect();
        CaseName::new(&folders, stem)
    }

    #[test]
    fn parts() {
        let deep = name(&["a", "b"], "红色_car-1.5").unwrap();
        assert_eq!(deep.as_str(), "a::b::红色_car-1.5");
        assert_eq!((deep.folder(), deep.stem()), ("a::b", "红色_car-1.5"));
        assert_eq!(deep.snapshot_stem(), "a__b__红色_car-1.5");
        let top = name(&[], "x").unwrap();
        assert_eq!((top.folder(), top.stem()), ("", "x"));
    }

    #[test]
    fn what_no_file_or_filter_can_hold_is_refused() {
        for bad in ["", "a b", "a/b", "a:b", "a@b", ".a", "a.", "a\n", "what?"] {
            assert_eq!(name(&["f"], bad), Err(bad.to_owned()));
            assert_eq!(name(&[bad], "x"), Err(bad.to_owned()));
        }
        assert_eq!(CaseName::stand_in(&["a b".to_owned()], "c@d").as_str(), "a_b::c_d");
    }

    #[test]
    fn what_does_not_show_is_in_no_name() {
        for bad in ["a\u{3164}", "a\u{34f}b", "a\u{fe0f}", "a\u{202e}b"] {
            assert_eq!(name(&[], bad), Err(bad.to_owned()));
        }
        assert!(name(&[], "e\u{301}").is_ok());
    }

    #[test]
    fn names_fit_into_names_of_files() {
        let excess = |bytes: usize, kind| name(&["f"], &"a".repeat(bytes)).unwrap().excess(kind);
        // `f__` and 147 letters are 150 bytes.
        assert_eq!(excess(147, NameKind::Case), None);
        assert_eq!(excess(148, NameKind::Case), Some((151, 150)));
        assert_eq!(excess(108, NameKind::DataSet), Some((111, 110)));
        let set = name(&[], "set").unwrap();
        let long = |end: char| set.child(&format!("{}{end}", "红".repeat(100)));
        assert!(long('a') != long('b') && long('a').as_str().len() <= 150);
        assert!(long('a').as_str().starts_with("set::红红红"));
    }

    #[test]
    fn collisions() {
        let key = |folders: &[&str], stem| name(folders, stem).unwrap().collision_key();
        assert_eq!(key(&["a"], "B"), key(&["A"], "b"));
        assert_eq!(key(&["a"], "b"), key(&[], "a__b"));
        assert_eq!(key(&[], "e\u{301}"), key(&[], "é"));
        assert_ne!(key(&[], "a"), key(&[], "b"));
    }
}
