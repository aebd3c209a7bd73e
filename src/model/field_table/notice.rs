//! What is told of a checkpoint's fields: one line for all fields of a file with one fate.

use std::fmt::{self, Display, Formatter};
use std::path::{Path, PathBuf};

/// Fields of a checkpoint's file that are worth telling, and what of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Notice {
    path: PathBuf,
    /// Such as `text_config.use_cache is true`.
    fields: Vec<String>,
    text: String,
}

impl Notice {
    /// The file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The same without the folder's path.
    pub fn within(&self, folder: &Path) -> String {
        let path = self.path.strip_prefix(folder).unwrap_or(&self.path);
        format!("{}: {}: {}", path.display(), self.fields.join(", "), self.text)
    }
}

impl Display for Notice {
    fn fmt(&self, formatter: &mut Formatter<'_>) -> fmt::Result {
        let Self { path, fields, text } = self;
        write!(formatter, "{}: {}: {text}", path.display(), fields.join(", "))
    }
}

/// One field that is worth telling.
pub(super) struct Remark {
    pub(super) path: PathBuf,
    pub(super) field: String,
    pub(super) found: String,
    pub(super) text: &'static str,
}

/// The remarks of one file with one text as one notice, in the order of the first of each.
pub(super) fn gathered(remarks: Vec<Remark>) -> Vec<Notice> {
    let mut notices: Vec<Notice> = Vec::new();
    for Remark { path, field, found, text } in remarks {
        let field = format!("{field} is {found}");
        match notices.iter_mut().find(|notice| notice.path == path && notice.text == text) {
            Some(notice) => notice.fields.push(field),
            None => notices.push(Notice { path, fields: vec![field], text: text.to_owned() }),
        }
    }
    notices
}
