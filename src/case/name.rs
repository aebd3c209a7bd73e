//! Names of cases.

use std::fmt;

use serde::{Deserialize, Serialize};
use unicode_normalization::UnicodeNormalization;

/// `folder::case`, unique in a run; also the base of the snapshot's name.
///
/// Each part holds letters (of any script), digits, `_`, `-` and inner dots, so that it can stand
/// in a file name on every system and in a test filter without quotes.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct CaseName(Box<str>);

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

    /// The name of a part of this: what no name may hold becomes `_`.
    pub(crate) fn child(&self, part: &str) -> Self {
        let part = Self::stand_in(&[], part.trim_matches('.'));
        Self(format!("{}{}{}", self.0, Self::SEPARATOR, part.0).into())
    }

    /// Whether it would be the name of a part of the other.
    pub(super) fn is_within(&self, other: &Self) -> bool {
        let rest = self.0.strip_prefix(&*other.0);
        rest.is_some_and(|rest| rest.starts_with(Self::SEPARATOR))
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
    c.is_alphanumeric() || matches!(c, '_' | '-' | '.') || is_combining(c)
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
    fn collisions() {
        let key = |folders: &[&str], stem| name(folders, stem).unwrap().collision_key();
        assert_eq!(key(&["a"], "B"), key(&["A"], "b"));
        assert_eq!(key(&["a"], "b"), key(&[], "a__b"));
        assert_eq!(key(&[], "e\u{301}"), key(&[], "é"));
        assert_ne!(key(&[], "a"), key(&[], "b"));
    }
}
