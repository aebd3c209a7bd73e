/*!
Results by id, and the official rules about ids: none unknown, none twice, and, where the script needs
all, none missing.

Must not know what a result is.
*/

use std::collections::HashMap;
use std::hash::Hash;
use std::path::Path;

use super::{ItemId, OfflineError};

/// The result file that ids come from, for messages.
#[derive(Debug, Clone, Copy)]
pub(super) struct IdSource<'p> {
    pub(super) results: &'p Path,
    pub(super) annotations: &'p Path,
    /// `image_id` or `question_id`.
    pub(super) what: &'static str,
}

impl IdSource<'_> {
    /// Indexes results; a second one with the same id is an error.
    pub(super) fn index<K: Hash + Eq + Clone + Into<ItemId>, V>(
        &self,
        results: impl IntoIterator<Item = (K, V)>,
    ) -> Result<HashMap<K, V>, OfflineError> {
        let results = results.into_iter();
        let mut index = HashMap::with_capacity(results.size_hint().0);
        for (id, result) in results {
            if index.insert(id.clone(), result).is_some() {
                let path = self.results.to_owned();
                return Err(OfflineError::Duplicate { path, what: self.what, id: id.into() });
            }
        }
        Ok(index)
    }

    pub(super) fn unknown(&self, id: impl Into<ItemId>) -> OfflineError {
        OfflineError::Unknown {
            path: self.results.to_owned(),
            annotations: self.annotations.to_owned(),
            what: self.what,
            id: id.into(),
        }
    }

    /// An error if anything is missing.
    pub(super) fn require_none_missing(
        &self,
        missing: &[ItemId],
        total: usize,
    ) -> Result<(), OfflineError> {
        match missing.first() {
            None => Ok(()),
            Some(first) => Err(OfflineError::Missing {
                path: self.results.to_owned(),
                what: self.what,
                id: first.clone(),
                count: missing.len(),
                total,
            }),
        }
    }
}
