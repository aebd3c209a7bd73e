/*!
Where the pictures of rows may lie.

A definition is the user's own word, a row's value is not: it comes with a data set. So a definition may name
any folder, and what rows add to it stays within that folder or within the project's cases. Paths are
compared as they are written; links are the user's own. Must not know pictures.
*/

use std::path::{Component, Path, PathBuf};

use super::error::DataProblem;

/// The folder of a project's cases.
const CASES: &str = "cases";

/// Files that a project's folder has.
const PROJECT_FILES: [&str; 2] = ["eyechart.ron", "Cargo.toml"];

/// The folders in which a row's pictures may lie.
#[derive(Debug)]
pub(super) struct PicturePlace {
    /// From which names are taken.
    folder: PathBuf,
    /// What names must not leave: the folder that the definition names, and the project's.
    allowed: [PathBuf; 2],
}

impl PicturePlace {
    /// For a definition in a file, with the folder of its pictures and what its template adds to that.
    pub(super) fn new(definition: &Path, folder: &Path, template: &str) -> Self {
        let named = plain(&folder.join(template));
        Self { folder: folder.to_owned(), allowed: [named, root(definition)] }
    }

    /// The picture of this name.
    pub(super) fn resolve(&self, name: &str) -> Result<PathBuf, DataProblem> {
        let path = self.folder.join(name);
        let plain = plain(&path);
        if self.allowed.iter().any(|folder| plain.starts_with(folder)) {
            return Ok(path);
        }
        let shown: String = name.chars().take(120).collect();
        Err(DataProblem::Picture(format!(
            "the picture {shown:?} is outside of {}; a row's value cannot leave the folder of the \
             pictures, so name their folder in `images` or in `image_folder`",
            self.allowed[1].display()
        )))
    }
}

/// What pictures are within if the definition names no other folder: the nearest folder `cases` around it,
/// or the project, or the working directory, or its own folder.
fn root(definition: &Path) -> PathBuf {
    let own = plain(definition.parent().unwrap_or(Path::new("")));
    let is_cases = |folder: &&Path| folder.file_name().is_some_and(|name| name == CASES);
    let is_project = |folder: &&Path| PROJECT_FILES.iter().any(|name| folder.join(name).is_file());
    let around = |found: &dyn Fn(&&Path) -> bool| own.ancestors().find(found).map(Path::to_owned);
    let working = || std::env::current_dir().ok().filter(|folder| own.starts_with(folder));
    around(&is_cases)
        .or_else(|| around(&is_project))
        .or_else(working)
        .unwrap_or_else(|| own.clone())
}

/// The whole path without `.` and `..`, as it is written.
fn plain(path: &Path) -> PathBuf {
    let whole = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    let mut plain = PathBuf::new();
    for component in whole.components() {
        match component {
            Component::ParentDir => drop(plain.pop()),
            Component::CurDir => {}
            other => plain.push(other),
        }
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_stay_in_the_cases_or_in_the_folder_that_the_definition_names() {
        let place = |template: &str| {
            let definition = Path::new("/p/cases/sets/a.dataset.ron");
            PicturePlace::new(definition, Path::new("/p/cases/sets"), template)
        };
        for (template, name) in [
            ("", "a.png"),
            ("", "../other/a.png"),
            ("", "b/../../a.png"),
            ("../../data/", "../../data/a.png"),
            ("/coco/", "/coco/val/a.png"),
            ("/", "/anywhere/a.png"),
        ] {
            assert!(place(template).resolve(name).is_ok(), "{template} {name}");
        }
        for (template, name) in [
            ("", "../../a.png"),
            ("", "/etc/a.png"),
            ("", "../../../p/cases-other/a.png"),
            ("../../data/", "../../data/../a.png"),
            ("/coco/", "/coco/../etc/a.png"),
        ] {
            let message = place(template).resolve(name).unwrap_err().to_string();
            assert!(message.contains("is outside of"), "{template} {name}: {message}");
        }
    }
}
