/*!
Low-rank changes of the attention's maps (LoRA, Hu et al. 2021, arXiv 2106.09685), added to the
weights once: `W + alpha / r * B A`.

Names are those of huggingface/peft: version 0.2, with which the checkpoint was published, and those
since, which put the adapter's name (`default`) in them.
*/

use candle_core::{DType, Tensor};

use super::config::Config;
use crate::model::ModelError;
use crate::nn::{AttentionMap, Llama};
use crate::weights::{TensorReader, WeightsError};

/// Where peft puts the layers of the model that it wraps.
const LAYERS: &str = "llama_model.base_model.model.model.layers";

/// The maps that MiniGPT-v2 changes (`lora_target_modules` of its configuration).
const MAPS: [(AttentionMap, &str); 2] =
    [(AttentionMap::Query, "q_proj"), (AttentionMap::Value, "v_proj")];

/// Adds the changes in the trained file to the language model, in f32.
pub(super) fn merge(
    llama: &mut Llama,
    config: &Config,
    trained: &TensorReader,
) -> Result<(), ModelError> {
    let layers = trained.cast_to(DType::F32).under(LAYERS);
    let text = &config.text;
    for layer in 0..text.layers {
        let attention = layers.under(layer).under("self_attn");
        for (map, name) in MAPS {
            let heads = match map {
                AttentionMap::Query => text.heads,
                AttentionMap::Value => text.kv_heads,
            };
            let (rank, outputs) = (config.lora_rank, heads * text.head_dim);
            let reader = attention.under(name);
            let down = factor(&reader, "lora_A", [rank, text.hidden])?;
            let up = factor(&reader, "lora_B", [outputs, rank])?;
            let change = (up.matmul(&down)? * (config.lora_alpha / rank as f64))?;
            llama.add_to_map(layer, map, &change)?;
        }
    }
    Ok(())
}

/// Whether a name of the trained file is that of a change.
pub(super) fn is_change(name: &str) -> bool {
    let layer = name.strip_prefix(LAYERS).and_then(|rest| rest.strip_prefix('.'));
    let map = layer.and_then(|rest| rest.split_once(".self_attn.")).map(|(_, map)| map);
    map.is_some_and(|map| MAPS.iter().any(|(_, name)| map.starts_with(&format!("{name}.lora_"))))
}

fn factor(reader: &TensorReader, name: &str, shape: [usize; 2]) -> Result<Tensor, WeightsError> {
    let newer = reader.under(name).under("default");
    match newer.contains("weight") {
        true => newer.tensor("weight", &shape),
        false => reader.under(name).tensor("weight", &shape),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn changes_of_other_maps_are_not_overlooked() {
        let place = "llama_model.base_model.model.model.layers.3.self_attn";
        assert!(is_change(&format!("{place}.q_proj.lora_A.weight")));
        assert!(is_change(&format!("{place}.v_proj.lora_B.default.weight")));
        assert!(!is_change(&format!("{place}.o_proj.lora_A.weight")));
        assert!(!is_change("llama_proj.weight"));
    }
}
