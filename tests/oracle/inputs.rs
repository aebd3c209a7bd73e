use eyechart::engine::{Preparer, TrialRequest};
use eyechart::registry::Registry;
use eyechart::request::GenerationOptions;

use crate::fixture::Oracle;
use crate::{oracle, read_json};

/// What records say of a model's input is what transformers gave to the same checkpoint: the
/// prompt, its ids, and a checksum of the pixel values. No weights are loaded for it.
#[test]
fn the_recorded_input_is_that_of_the_reference() {
    for (name, least) in [("qwen3_vl/tied", 20), ("qwen3_vl/untied", 20), ("llava/hub", 5)] {
        let Oracle { cases, .. } = read_json(&format!("{name}/oracle.json"));
        let registry = format!("(models: {{\"it\": (dir: {:?})}})", oracle(name));
        let registry = Registry::parse(&registry, &oracle("eyechart.ron")).unwrap();
        let preparer = Preparer::load(&registry.models()[0]).unwrap();
        let mut compared = 0;
        for case in cases {
            let picture = |picture: &String| oracle("pictures").join(picture);
            let input = preparer.prepare(&TrialRequest {
                images: case.images.iter().map(picture).collect(),
                orientation: eyechart::image::Viewing::Upright,
                conversation: case.conversation.clone(),
                options: GenerationOptions::default(),
            });
            let input = input.unwrap();
            assert_eq!(input.rendered_prompt, case.rendered, "{}", case.name);
            assert_eq!(input.token_ids, case.input_ids, "{}", case.name);
            assert_eq!(input.prompt_tokens, case.input_ids.len(), "{}", case.name);
            let order: Vec<usize> = case.conversation.image_order().collect();
            for (index, shown) in order.iter().zip(&case.shown) {
                // Another decoder of JPEG gives other pixels.
                if !case.images[*index].ends_with(".jpg") {
                    assert_eq!(input.images[*index].pixels_crc32, shown.crc32, "{}", case.name);
                    compared += 1;
                }
            }
        }
        assert!(compared >= least, "{name}: only {compared} pictures");
    }
}
