/*!
Where pictures stand in a prompt: growing placeholders to spans, and putting features in their
place. For families whose language model reads picture features as if they were tokens.
*/

use std::collections::HashSet;
use std::ops::Range;

use candle_core::{Result as TensorResult, Tensor};

use super::{ImageFeatures, ModelError, PrefillRow, PreparedImage, Slot};
use crate::request::Conversation;

/// A picture that a prompt shows.
#[derive(Debug, Clone)]
pub(super) struct ShownImage<'a> {
    /// Its placeholder tokens in the prompt.
    pub(super) span: Range<usize>,
    /// The picture.
    pub(super) image: &'a PreparedImage,
    /// What the vision tower made of it.
    pub(super) features: &'a ImageFeatures,
}

/// The row's pictures in prompt order, with spans that follow each other inside the prompt.
pub(super) fn shown_images<'a>(row: &PrefillRow<'a>) -> Result<Vec<ShownImage<'a>>, ModelError> {
    let mut shown: Vec<ShownImage<'a>> = Vec::with_capacity(row.prompt.image_spans.len());
    let available = row.images.len().min(row.features.len());
    for (index, span) in &row.prompt.image_spans {
        let index = *index;
        let (Some(image), Some(features)) = (row.images.get(index), row.features.get(index)) else {
            return Err(ModelError::NoSuchImage { index, available });
        };
        let earliest = shown.last().map_or(0, |before| before.span.end);
        if span.start < earliest || span.end > row.prompt.token_ids.len() {
            return Err(ModelError::ImageMismatch {
                index,
                what: "the end of its span in the prompt",
                found: span.end,
                expected: span.len(),
            });
        }
        shown.push(ShownImage { span: span.clone(), image, features });
    }
    Ok(shown)
}

/// The pictures that a conversation shows, in its order, each one of `images`.
pub(super) fn shown_indices(
    conversation: &Conversation,
    images: &[PreparedImage],
) -> Result<Vec<usize>, ModelError> {
    let available = images.len();
    let among_them = |index| match index < available {
        true => Ok(index),
        false => Err(ModelError::NoSuchImage { index, available }),
    };
    conversation.image_order().map(among_them).collect()
}

/// A token that stands for a picture in a rendered prompt.
#[derive(Debug, Clone, Copy)]
pub(super) struct PlaceholderToken<'a> {
    pub(super) id: u32,
    pub(super) text: &'a str,
}

/// The ids of a prompt with each placeholder grown to its picture: there must be one for each of
/// the pictures `shown`.
pub(super) fn expand_shown(
    ids: &[u32],
    placeholder: PlaceholderToken<'_>,
    shown: &[usize],
    images: &[PreparedImage],
) -> Result<(Vec<u32>, Spans), ModelError> {
    let found = ids.iter().filter(|id| **id == placeholder.id).count();
    if found != shown.len() {
        let placeholder = placeholder.text.to_owned();
        return Err(ModelError::Placeholders { placeholder, found, expected: shown.len() });
    }
    let tokens = shown.iter().map(|index| (*index, images[*index].visual_tokens));
    Ok(expand_placeholders(ids, placeholder.id, tokens))
}

/// Image index and span of each picture in an expanded prompt.
pub(super) type Spans = Vec<(usize, Range<usize>)>;

/// Repeats each placeholder once per visual token; `images` gives index and count in order.
fn expand_placeholders(
    ids: &[u32],
    placeholder: u32,
    images: impl IntoIterator<Item = (usize, usize)>,
) -> (Vec<u32>, Spans) {
    let mut images = images.into_iter();
    let (mut expanded, mut spans) = (Vec::with_capacity(ids.len()), Vec::new());
    for id in ids.iter().copied() {
        let image = if id == placeholder { images.next() } else { None };
        match image {
            Some((index, count)) => {
                let start = expanded.len();
                expanded.extend(std::iter::repeat_n(placeholder, count));
                spans.push((index, start..expanded.len()));
            }
            None => expanded.push(id),
        }
    }
    (expanded, spans)
}

/// One copy of `hidden` `(tokens, width)` in which `change` has been applied to the rows of each
/// span, with what belongs to it. Spans follow each other.
pub(super) fn map_spans<T>(
    hidden: &Tensor,
    spans: impl IntoIterator<Item = (Range<usize>, T)>,
    change: impl Fn(Tensor, T) -> TensorResult<Tensor>,
) -> TensorResult<Tensor> {
    let mut pieces = Vec::new();
    let mut done = 0;
    for (span, belonging) in spans {
        if done < span.start {
            pieces.push(hidden.narrow(0, done, span.start - done)?);
        }
        pieces.push(change(hidden.narrow(0, span.start, span.len())?, belonging)?);
        done = span.end;
    }
    let rest = hidden.dim(0)? - done;
    if rest > 0 {
        pieces.push(hidden.narrow(0, done, rest)?);
    }
    Tensor::cat(&pieces, 0)
}

/// Refuses ids outside the vocabulary, and a prompt without any.
pub(super) fn check_ids(
    ids: impl IntoIterator<Item = u32>,
    vocabulary: usize,
) -> Result<(), ModelError> {
    let mut count = 0;
    for id in ids {
        count += 1;
        if id as usize >= vocabulary {
            return Err(ModelError::TokenOutOfRange { id, vocabulary });
        }
    }
    if count == 0 { Err(ModelError::EmptyPrompt) } else { Ok(()) }
}

/// Refuses a decode step that names a slot twice.
pub(super) fn check_slots_differ(rows: &[(Slot, u32)]) -> Result<(), ModelError> {
    let mut seen = HashSet::new();
    match rows.iter().find(|(slot, _)| !seen.insert(*slot)) {
        Some((slot, _)) => Err(ModelError::SlotTwice { slot: slot.0 }),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_placeholder_grows_to_its_image() {
        let (ids, spans) = expand_placeholders(&[1, 9, 2, 9], 9, [(1, 3), (0, 2)]);
        assert_eq!(ids, [1, 9, 9, 9, 2, 9, 9]);
        assert_eq!(spans, [(1, 1..4), (0, 5..7)]);
    }
}
