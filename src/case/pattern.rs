//! Globs over model names, and the failures that are known of them.

use std::fmt;

/// Longest glob.
const LONGEST_GLOB_BYTES: usize = 256;

/// A glob over model names, such as `blip2-*`.
#[derive(Clone, PartialEq, Eq)]
pub struct ModelPattern(glob::Pattern);

impl ModelPattern {
    /// Compiles a glob; the error says what is wrong with it.
    ///
    /// # Errors
    /// It is malformed, or longer than any list of names needs.
    pub fn new(pattern: &str) -> Result<Self, String> {
        if pattern.len() > LONGEST_GLOB_BYTES {
            return Err(format!(
                "{} bytes long, expected {LONGEST_GLOB_BYTES} at most",
                pattern.len()
            ));
        }
        glob::Pattern::new(pattern).map(Self).map_err(|error| error.to_string())
    }

    /// Whether it is about the model of this name.
    pub fn matches(&self, model: &str) -> bool {
        self.0.matches(model)
    }

    /// The glob as written.
    pub fn as_str(&self) -> &str {
        self.0.as_str()
    }
}

impl fmt::Debug for ModelPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ModelPattern({:?})", self.as_str())
    }
}

impl fmt::Display for ModelPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A failure that is known and explained: the case must fail, and an unexpected pass is reported.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KnownFailure {
    /// The models it holds for.
    pub models: ModelPattern,
    /// Why.
    pub reason: String,
}
