//! What a model got, as a text to compare: every part on lines of its own, so that a diff says what
//! changed.

use crate::answer::{ModelInput, SeenImage, SeenOrientation};
use crate::foreign;

/// Tokens on a line.
const IDS_PER_LINE: usize = 16;

/// The input as its snapshot holds it.
///
/// Texts stand in quotes, a line of the prompt each, so that no white space is lost. Ids that follow
/// themselves are written once, as `id x count`.
pub(super) fn text(input: &ModelInput) -> String {
    let mut lines = vec!["pictures:".to_owned()];
    lines.extend(input.images.iter().enumerate().map(picture));
    lines.push("prompt:".to_owned());
    lines.extend(input.rendered_prompt.split_inclusive('\n').map(quoted));
    lines.push(format!(
        "{} tokens, {} of them for pictures:",
        input.prompt_tokens, input.visual_tokens
    ));
    lines.extend(ids(&input.token_ids));
    if !input.connector_ids.is_empty() {
        lines.push(format!("{} tokens for the connector:", input.connector_ids.len()));
        lines.extend(ids(&input.connector_ids));
    }
    lines.join("\n")
}

fn picture((index, image): (usize, &SeenImage)) -> String {
    let SeenImage { original, resized, visual_tokens, pixels_shape, pixels_crc32, .. } = image;
    let orientation = image.orientation.map(orientation).unwrap_or_default();
    format!(
        "  {index}: {original}{orientation}, seen as {resized} in {visual_tokens} tokens, pixels \
         {pixels_shape:?} with CRC-32 {pixels_crc32:08x}"
    )
}

fn orientation(seen: SeenOrientation) -> String {
    match seen {
        SeenOrientation::Turned(exif) => format!(" (turned, orientation {})", u8::from(exif)),
        SeenOrientation::Stored(exif) => format!(" (as stored, orientation {})", u8::from(exif)),
    }
}

fn quoted(line: &str) -> String {
    format!("  {}", foreign::json(&serde_json::Value::from(line).to_string()))
}

fn ids(ids: &[u32]) -> Vec<String> {
    let run = |run: &[u32]| match run {
        [] => String::new(),
        [id] => id.to_string(),
        [id, ..] => format!("{id}x{}", run.len()),
    };
    let runs: Vec<String> = ids.chunk_by(|a, b| a == b).map(run).collect();
    runs.chunks(IDS_PER_LINE).map(|line| format!("  {}", line.join(" "))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::geometry::PixelSize;

    #[test]
    fn every_part_has_lines_of_its_own() {
        let size = |width, height| PixelSize { width, height };
        let input = ModelInput {
            rendered_prompt: "<image>\nWhat \"is\" it? ".to_owned(),
            token_ids: [[1, 2].as_slice(), &[9; 5], &(10..30).collect::<Vec<_>>()].concat(),
            connector_ids: vec![101, 102],
            prompt_tokens: 27,
            visual_tokens: 5,
            images: vec![SeenImage {
                original: size(640, 480),
                orientation: None,
                resized: size(448, 336),
                visual_tokens: 5,
                pixels_shape: vec![3, 336, 448],
                pixels_crc32: 0x00ab_cdef,
            }],
        };
        insta::assert_snapshot!(text(&input));
    }
}
