//! Which tests a run, or a process of nextest's, is about.

use std::collections::HashSet;

use crate::dataset::Pictures;

use super::arguments::TestArguments;
use super::history::History;
use super::partition::{Partition, Shared};

/// What decides whether a test is listed or run.
#[derive(Debug)]
pub(super) struct Selection<'s> {
    pub(super) arguments: &'s TestArguments,
    pub(super) scope: Scope,
    pub(super) history: &'s History,
    /// What is done about the pictures of rows that are run.
    pub(super) pictures: Pictures<'s>,
    /// The names in this run's share, once it is known.
    share: Option<HashSet<String>>,
}

/// What the filters are about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Scope {
    /// The names of tests.
    Tests,
    /// Nothing: nextest asked for all tests of this model.
    Model(String),
}

impl<'s> Selection<'s> {
    pub(super) fn new(
        arguments: &'s TestArguments,
        scope: Scope,
        history: &'s History,
        pictures: Pictures<'s>,
    ) -> Self {
        Self { arguments, scope, history, pictures, share: None }
    }

    /// Keeps to a share of the tests that are selected so far.
    pub(super) fn keep_share(&mut self, partition: Partition, tests: impl Iterator<Item = Shared>) {
        let selected: Vec<Shared> =
            tests.filter(|test| self.is_selected(&test.name, None, test.is_ignored)).collect();
        self.share = Some(partition.share(selected));
    }

    /// Whether a test is listed, or has a line in the output.
    pub(super) fn is_selected(&self, name: &str, model: Option<&str>, is_ignored: bool) -> bool {
        let is_in_scope = match &self.scope {
            Scope::Tests => !self.arguments.is_filtered_out(name, is_ignored),
            Scope::Model(scope) => model == Some(scope),
        };
        is_in_scope
            && self.history.selects(name)
            && self.share.as_ref().is_none_or(|share| share.contains(name))
    }

    /// Whether a test is run.
    pub(super) fn is_run(&self, name: &str, model: Option<&str>, is_ignored: bool) -> bool {
        self.arguments.is_run(is_ignored) && self.is_selected(name, model, is_ignored)
    }
}
