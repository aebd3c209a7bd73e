//! Expectations that another network helps to judge, as checked data; judging is
//! [`crate::score`]'s, and the network runs in the harness's second round.

use crate::opinion::JudgedPictures;

/// A model of the registry marks the answer.
#[derive(Debug, Clone, PartialEq)]
pub struct JudgeExpectation {
    /// The judge's name in the registry.
    pub judge: String,
    /// What the marks are for.
    pub rubric: String,
    /// Fewest of 5 marks that pass.
    pub min_points: f64,
    /// Whether the judge sees the case's pictures.
    pub pictures: JudgedPictures,
}

/// A model of the registry prefers the answer to another one, asked twice with the two in
/// swapped positions.
#[derive(Debug, Clone, PartialEq)]
pub struct PreferenceExpectation {
    /// The judge's name in the registry.
    pub judge: String,
    /// What makes an answer the better one.
    pub rubric: String,
    /// The answer to beat.
    pub over: String,
    /// Fewest of 5 marks that pass: 5 is preferred in both positions, 2.5 a draw.
    pub min_points: f64,
    /// Whether the judge sees the case's pictures.
    pub pictures: JudgedPictures,
}

/// CLIPScore of the answer as a caption of the (first) picture; RefCLIPScore where there are
/// references.
#[derive(Debug, Clone, PartialEq)]
pub struct ClipScoreExpectation {
    /// The name of a CLIP checkpoint among the registry's scorers.
    pub scorer: String,
    /// What people wrote; may be empty.
    pub references: Vec<String>,
    /// The least that passes, in (0, 2.5]; none if a gate judges.
    pub min: Option<f64>,
}

/// The cosine of the answer's sentence embedding with that of the nearest reference.
#[derive(Debug, Clone, PartialEq)]
pub struct SimilarityExpectation {
    /// The name of a sentence encoder among the registry's scorers.
    pub scorer: String,
    /// What people wrote; at least one.
    pub references: Vec<String>,
    /// The least that passes, in (0, 1]; none if a gate judges.
    pub min: Option<f64>,
}
