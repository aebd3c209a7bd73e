/*!
CLIPScore and RefCLIPScore from features that a CLIP model made: `jmhessel/clipscore clipscore.py`.

CLIPScore = 2.5 · max(cos(image, caption), 0); RefCLIPScore is its harmonic mean with the largest
cosine between caption and references. The paper (Hessel et al. 2021, arXiv 2104.08718) does not let
that cosine fall below 0; its code, which published numbers are from and which this equals, does. Features are normalised here. Must not know the
model; the caption is to be prefixed with [`PROMPT`] before it is encoded.
*/

use super::numpy::{Float, sum};

/// What precedes the caption in the text that CLIP encodes.
pub const PROMPT: &str = "A photo depicts ";

const WEIGHT: f32 = 2.5;

/// The cosine of two feature vectors; NaN if one is all zeros, nothing if their lengths differ.
pub fn cosine<T: Float>(one: &[T], other: &[T]) -> Option<T> {
    if one.len() != other.len() {
        return None;
    }
    let (one, other) = (normalize(one), normalize(other));
    Some(sum(&one.iter().zip(&other).map(|(a, b)| *a * *b).collect::<Vec<T>>()))
}

fn normalize<T: Float>(features: &[T]) -> Vec<T> {
    let squares: Vec<T> = features.iter().map(|value| *value * *value).collect();
    let norm = sum(&squares).square_root();
    features.iter().map(|value| *value / norm).collect()
}

/// CLIPScore of a caption for an image; nothing if the lengths differ.
pub fn clip_score<T: Float>(image: &[T], caption: &[T]) -> Option<T> {
    Some(T::from(WEIGHT) * at_least_zero(cosine(image, caption)?))
}

/// RefCLIPScore; nothing without references or if lengths differ, NaN if both parts are 0.
pub fn ref_clip_score<T: Float>(image: &[T], caption: &[T], references: &[&[T]]) -> Option<T> {
    let score = clip_score(image, caption)?;
    let best = best_reference_cosine(caption, references)?;
    Some(T::from(2.0) * score * best / (score + best))
}

/// The largest cosine of a caption with a reference.
pub fn best_reference_cosine<T: Float>(caption: &[T], references: &[&[T]]) -> Option<T> {
    let mut best = None;
    for reference in references {
        let cosine = cosine(caption, reference)?;
        best = Some(best.map_or(cosine, |best| if cosine > best { cosine } else { best }));
    }
    best
}

fn at_least_zero<T: Float>(value: T) -> T {
    let zero = T::default();
    if value < zero { zero } else { value }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// By hand: the cosine with the picture is 0.6, with the reference -0.8.
    #[test]
    fn a_reference_that_points_away_is_not_clipped() {
        let (image, caption, reference) = ([0.6, 0.8], [1.0, 0.0], [-0.8, 0.6]);
        let score: f64 = clip_score(&image, &caption).unwrap();
        assert!((score - 1.5).abs() < 1e-12);
        let combined: f64 = ref_clip_score(&image, &caption, &[&reference]).unwrap();
        assert!((combined - 2.0 * 1.5 * -0.8 / (1.5 - 0.8)).abs() < 1e-12, "{combined}");
        assert_eq!(ref_clip_score::<f64>(&image, &caption, &[]), None);
        assert_eq!(clip_score::<f64>(&[1.0, 0.0], &[-1.0, 0.0]), Some(0.0));
    }
}
