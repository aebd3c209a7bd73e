/*!
The largest logit of each row and the next one: all that a greedy step needs, so that a GPU hands
over four numbers a row instead of the whole vocabulary.
*/

#[cfg(feature = "cuda")]
mod cuda;

use candle_core::{Device, Result, Tensor};

/// The two largest logits of a row.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct TwoLargest {
    /// Index of the largest; of equals the first, as `torch.argmax` on a CPU.
    pub index: u32,
    /// That logit; NaN if any of the row is NaN or positive infinity.
    pub largest: f32,
    /// The largest of the others.
    pub runner_up: f32,
    /// Its index; of equals the first.
    pub runner_up_index: u32,
}

#[cfg(feature = "cuda")]
impl TwoLargest {
    /// Of no logits.
    const OF_NOTHING: Self = Self {
        index: u32::MAX,
        largest: f32::NEG_INFINITY,
        runner_up: f32::NEG_INFINITY,
        runner_up_index: u32::MAX,
    };

    /// Of two parts of a row, the second behind the first.
    fn joined(self, behind: Self) -> Self {
        let (first, other) = match behind.largest > self.largest || behind.largest.is_nan() {
            true => (behind, self),
            false => (self, behind),
        };
        let rivals = [(first.runner_up, first.runner_up_index), (other.largest, other.index)];
        let comes_first = |a: (f32, u32), b: (f32, u32)| a.0 > b.0 || (a.0 == b.0 && a.1 < b.1);
        let [own, others] = rivals;
        let (runner_up, runner_up_index) = if comes_first(others, own) { others } else { own };
        Self { runner_up, runner_up_index, ..first }
    }
}

/// Of each row of f32 `logits` `(rows, vocabulary)`, where they are.
pub fn two_largest(logits: &Tensor) -> Result<Vec<TwoLargest>> {
    match logits.device() {
        #[cfg(feature = "cuda")]
        Device::Cuda(device) => cuda::two_largest(device, logits),
        _ => on_cpu(&logits.to_device(&Device::Cpu)?),
    }
}

fn on_cpu(logits: &Tensor) -> Result<Vec<TwoLargest>> {
    let (_, vocabulary) = logits.dims2()?;
    let flat: Vec<f32> = logits.flatten_all()?.to_vec1()?;
    Ok(flat.chunks_exact(vocabulary.max(1)).map(of_row).collect())
}

fn of_row(row: &[f32]) -> TwoLargest {
    let nothing = f32::NEG_INFINITY;
    let mut found =
        TwoLargest { index: 0, largest: nothing, runner_up: nothing, runner_up_index: 0 };
    let mut numbers = !row.is_empty();
    for (index, logit) in (0_u32..).zip(row.iter().copied()) {
        numbers &= logit < f32::INFINITY;
        if logit > found.largest || index == 0 {
            let TwoLargest { index: runner_up_index, largest: runner_up, .. } = found;
            found = TwoLargest { index, largest: logit, runner_up, runner_up_index };
        } else if logit > found.runner_up || found.runner_up_index == found.index {
            (found.runner_up, found.runner_up_index) = (logit, index);
        }
    }
    if !numbers {
        found.largest = f32::NAN;
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_of_equals_is_the_largest() {
        let found = of_row(&[1.0, 3.0, 2.0, 3.0]);
        let of = |index, largest, runner_up, runner_up_index| TwoLargest {
            index,
            largest,
            runner_up,
            runner_up_index,
        };
        assert_eq!(found, of(1, 3.0, 3.0, 3));
        let found = of_row(&[-2.0, -1.0, -3.0]);
        assert_eq!(found, of(1, -1.0, -2.0, 0));
        let nothing = f32::NEG_INFINITY;
        assert_eq!(of_row(&[nothing; 3]), of(0, nothing, nothing, 1));
        assert_eq!(of_row(&[5.0, 1.0, 2.0, 2.0]), of(0, 5.0, 2.0, 2));
    }

    #[test]
    fn what_is_no_number_shows() {
        for bad in [f32::NAN, f32::INFINITY] {
            assert!(of_row(&[0.0, bad, 1.0]).largest.is_nan());
        }
        assert!(of_row(&[]).largest.is_nan());
    }

    #[test]
    fn each_row_is_its_own() {
        let logits = Tensor::new(&[[0.0_f32, 5.0, 1.0], [7.0, 2.0, 7.0]], &Device::Cpu).unwrap();
        let found = two_largest(&logits).unwrap();
        assert_eq!(found.iter().map(|row| row.index).collect::<Vec<_>>(), [1, 0]);
    }
}
