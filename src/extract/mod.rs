/*!
What can be read from an answer's text: boxes, choices, numbers, yes or no.

Every reading has a typed [`Extraction`] outcome; nothing is guessed, and the truth is never
looked at. Knows nothing of files or models.
*/

/// How a family writes boxes, and with it the frame of its coordinates.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BoxNotation {
    /// `[{"bbox_2d": [x1, y1, x2, y2], "label": ".."}]`, integers 0..1000 relative to the picture
    /// (Qwen3-VL).
    QwenJson,
}
