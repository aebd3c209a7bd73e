/*!
The mixture of experts in place of a layer's feed-forward part (Qwen3-VL-30B-A3B and -235B-A22B).

Follows huggingface/transformers v4.57.3 `models/qwen3_vl_moe/modeling_qwen3_vl_moe.py`: softmax of
the router in f32, the best `per_token` experts, their weights scaled to a sum of 1. There every
expert sees every token; here an expert sees the tokens that chose it, and one that none chose costs
nothing.
*/

use candle_core::{DType, Device, Result as TensorResult, Tensor};

use super::{ExpertsConfig, TextConfig};
use crate::nn::{Activation, Bias, Linear, gated, linear};
use crate::weights::{TensorReader, WeightsError};

/// The experts of one layer and their router.
#[derive(Debug)]
pub(super) struct Experts {
    router: Linear,
    /// `(experts, hidden, 2 * intermediate)`: the gate, then what it gates.
    gate_up: Tensor,
    /// `(experts, intermediate, hidden)`
    down: Tensor,
    per_token: usize,
    activation: Activation,
}

impl Experts {
    /// Reads `gate`, `experts.gate_up_proj` and `experts.down_proj`.
    pub(super) fn load(
        text: &TextConfig,
        config: &ExpertsConfig,
        reader: &TensorReader,
    ) -> Result<Self, WeightsError> {
        let ExpertsConfig { experts, intermediate, per_token, .. } = *config;
        let fused = reader.under("experts");
        let order = Order::of(&fused, text.hidden, intermediate);
        let fused_tensor =
            |name, inputs, outputs| order.read(&fused, name, [experts, inputs, outputs]);
        Ok(Self {
            router: linear(text.hidden, experts, Bias::Without, &reader.under("gate"))?,
            gate_up: fused_tensor("gate_up_proj", text.hidden, 2 * intermediate)?,
            down: fused_tensor("down_proj", intermediate, text.hidden)?,
            per_token,
            activation: text.activation,
        })
    }

    /// `(tokens, hidden)` to the same shape.
    pub(super) fn forward(&self, hidden: &Tensor) -> TensorResult<Tensor> {
        let (tokens, width) = hidden.dims2()?;
        let logits = self.router.forward(hidden)?.to_dtype(DType::F32)?.to_device(&Device::Cpu)?;
        let choices: Vec<Choice> =
            logits.to_vec2()?.iter().map(|logits| Choice::best(logits, self.per_token)).collect();
        let groups = Groups::new(&choices, self.gate_up.dim(0)?);
        let index = |rows: &[u32]| Tensor::new(rows, hidden.device());
        let grouped = hidden.index_select(&index(&groups.tokens)?, 0)?;
        let outputs = Tensor::cat(&self.run(&grouped, &groups.counts)?, 0)?;
        let weights: Vec<f32> = choices.into_iter().flat_map(|choice| choice.weights).collect();
        let weights = Tensor::from_vec(weights, (tokens, self.per_token, 1), hidden.device())?;
        outputs
            .index_select(&index(&groups.places)?, 0)?
            .reshape((tokens, self.per_token, width))?
            .broadcast_mul(&weights.to_dtype(hidden.dtype())?)?
            .sum(1)
    }

    /// Each expert's output for its rows, which stand one behind the other.
    fn run(&self, grouped: &Tensor, counts: &[usize]) -> TensorResult<Vec<Tensor>> {
        let mut outputs = Vec::new();
        let mut start = 0;
        for (expert, count) in counts.iter().copied().enumerate().filter(|(_, count)| *count > 0) {
            outputs.push(self.expert(expert, &grouped.narrow(0, start, count)?)?);
            start += count;
        }
        Ok(outputs)
    }

    fn expert(&self, expert: usize, rows: &Tensor) -> TensorResult<Tensor> {
        let gate_up = rows.matmul(&self.gate_up.get(expert)?)?;
        let half = gate_up.dim(1)? / 2;
        let gate = gate_up.narrow(1, 0, half)?.force_contiguous()?;
        let up = gate_up.narrow(1, half, half)?.contiguous()?;
        gated(self.activation, gate, &up)?.matmul(&self.down.get(expert)?)
    }
}

/// In which order an expert's weights are stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Order {
    /// `(inputs, outputs)`: transformers 4, and published files.
    InputsFirst,
    /// `(outputs, inputs)`: what transformers 5 writes.
    OutputsFirst,
}

impl Order {
    /// What the shapes tell. Of both tensors one at most is a square, which tells nothing.
    fn of(fused: &TensorReader, hidden: usize, intermediate: usize) -> Self {
        let ends_in = |name, sizes: [usize; 2]| {
            sizes[0] != sizes[1] && fused.shape(name).is_some_and(|shape| shape.ends_with(&sizes))
        };
        let is_turned = ends_in("gate_up_proj", [2 * intermediate, hidden])
            || ends_in("down_proj", [hidden, intermediate]);
        if is_turned { Self::OutputsFirst } else { Self::InputsFirst }
    }

    /// The tensor of this shape, `(experts, inputs, outputs)`.
    fn read(
        self,
        fused: &TensorReader,
        name: &str,
        [experts, inputs, outputs]: [usize; 3],
    ) -> Result<Tensor, WeightsError> {
        if self == Self::InputsFirst {
            return fused.tensor(name, &[experts, inputs, outputs]);
        }
        let stored = fused.tensor(name, &[experts, outputs, inputs])?;
        let turned = stored.transpose(1, 2).and_then(|turned| turned.contiguous());
        turned.map_err(|source| fused.convert_error(name, source))
    }
}

/// The experts of one token, by rising index, and the weights of what they give.
#[derive(Debug, Clone, PartialEq)]
struct Choice {
    experts: Vec<usize>,
    weights: Vec<f32>,
}

impl Choice {
    /// The `count` experts of the largest logits; the first of equals.
    fn best(logits: &[f32], count: usize) -> Self {
        let mut experts: Vec<usize> = (0..logits.len()).collect();
        experts.sort_by(|a, b| logits[*b].total_cmp(&logits[*a]));
        experts.truncate(count);
        // The softmax over all experts, scaled to a sum of 1 over the best, is theirs alone.
        let largest = experts.first().map_or(0.0, |best| logits[*best]);
        experts.sort_unstable();
        let shares = experts.iter().map(|expert| (logits[*expert] - largest).exp());
        let total: f32 = shares.clone().sum();
        let weights = shares.map(|share| share / total).collect();
        Self { experts, weights }
    }
}

/// The tokens of a batch, sorted by the experts that they chose.
#[derive(Debug, PartialEq)]
struct Groups {
    /// For each row of the sorted batch, its token.
    tokens: Vec<u32>,
    /// For each token and choice, its row in the sorted batch.
    places: Vec<u32>,
    /// Rows of each expert.
    counts: Vec<usize>,
}

impl Groups {
    fn new(choices: &[Choice], experts: usize) -> Self {
        let chosen = choices.iter().enumerate().flat_map(|(token, choice)| {
            choice.experts.iter().map(move |expert| (*expert, token as u32))
        });
        let mut counts = vec![0; experts];
        let mut order: Vec<(usize, u32, usize)> = Vec::new();
        for (place, (expert, token)) in chosen.enumerate() {
            counts[expert] += 1;
            order.push((expert, token, place));
        }
        order.sort_unstable();
        let mut places = vec![0; order.len()];
        for (row, (_, _, place)) in order.iter().enumerate() {
            places[*place] = row as u32;
        }
        Self { tokens: order.into_iter().map(|(_, token, _)| token).collect(), places, counts }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_best_experts_share_a_weight_of_one() {
        let choice = Choice::best(&[0.0, 3.0_f32.ln(), -5.0, 0.0], 2);
        assert_eq!(choice.experts, [0, 1]);
        assert!((choice.weights[0] - 0.25).abs() < 1e-6 && (choice.weights[1] - 0.75).abs() < 1e-6);
    }

    #[test]
    fn tokens_stand_together_by_expert_and_find_their_places_again() {
        let choices = [[0.0, 1.0, 2.0], [3.0, 0.0, 1.0], [0.0, 5.0, 4.0]];
        let choices = choices.map(|logits| Choice::best(&logits, 2));
        let groups = Groups::new(&choices, 3);
        assert_eq!(groups.counts, [1, 2, 3]);
        assert_eq!(groups.tokens, [1, 0, 2, 0, 1, 2]);
        assert_eq!(groups.places, [1, 3, 0, 4, 2, 5]);
    }
}
