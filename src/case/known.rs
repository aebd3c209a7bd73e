//! The names of a registry that cases may use.

/// What a project's registry has. An empty list is one that is not known: then names go unchecked.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct KnownNames {
    /// Models that answer.
    pub models: Vec<String>,
    /// Networks that score answers.
    pub scorers: Vec<String>,
}
