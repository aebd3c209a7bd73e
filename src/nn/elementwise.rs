/*!
Sums and products number by number, and chosen rows.

On a CUDA GPU small kernels of our own compute them: candle has its own in modules of hundreds of kernels, which
the driver compiles for 12 s when it first sees them.
*/

use candle_core::{Result, Tensor};

use super::fused::rows::{choose, combine};

/// What is computed of two numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Operation {
    Sum,
    Product,
}

/// Which number of the right operand belongs to one of the left.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Pairing {
    /// It has the left one's shape, or that of its last axes, and is repeated.
    Repeated,
    /// It has a number for each row of the left one.
    OneEachRow,
}

/// `left + right`; `right` of the same shape, or of that of the last axes.
pub fn add(left: &Tensor, right: &Tensor) -> Result<Tensor> {
    match combine(left, right, Operation::Sum, Pairing::Repeated)? {
        Some(sum) => Ok(sum),
        None => left.broadcast_add(right),
    }
}

/// `left * right`; `right` of the same shape, or of that of the last axes.
pub fn multiply(left: &Tensor, right: &Tensor) -> Result<Tensor> {
    match combine(left, right, Operation::Product, Pairing::Repeated)? {
        Some(product) => Ok(product),
        None => left.broadcast_mul(right),
    }
}

/// Each row of `rows` `(rows, width)` times its number of `factors` `(rows)`.
pub fn scale_rows(rows: &Tensor, factors: &Tensor) -> Result<Tensor> {
    match combine(rows, factors, Operation::Product, Pairing::OneEachRow)? {
        Some(product) => Ok(product),
        None => rows.broadcast_mul(&factors.unsqueeze(1)?),
    }
}

/// The rows of `table` `(rows, width)` that `indices` `(count)`, u32, name; each must be there.
/// Returns `(count, width)`.
pub fn choose_rows(table: &Tensor, indices: &Tensor) -> Result<Tensor> {
    match choose(table, indices)? {
        Some(rows) => Ok(rows),
        None => table.index_select(indices, 0),
    }
}

/// These need a GPU; on a CPU the functions are candle's.
#[cfg(all(test, feature = "cuda"))]
mod tests {
    use candle_core::{DType, Device};

    use super::*;
    use crate::nn::fused::testing::{gpu, numbers, wide};

    /// A GPU rounds as a CPU does, so that the results are the same to the bit.
    fn assert_same(of: impl Fn(&Tensor, &Tensor) -> Result<Tensor>, left: &Tensor, right: &Tensor) {
        let gpu = gpu();
        for dtype in [DType::F32, DType::F16, DType::BF16] {
            let cast = |tensor: &Tensor| match tensor.dtype() {
                DType::U32 => tensor.clone(),
                _ => tensor.to_dtype(dtype).unwrap(),
            };
            let (left, right) = (cast(left), cast(right));
            let expected = of(&left, &right).unwrap();
            let placed = |tensor: &Tensor| tensor.to_device(&gpu).unwrap();
            let found = of(&placed(&left), &placed(&right)).unwrap();
            let list =
                |tensor: &Tensor| wide(tensor).flatten_all().unwrap().to_vec1::<f32>().unwrap();
            assert_eq!(list(&found), list(&expected), "{dtype:?}");
        }
    }

    #[test]
    fn sums_and_products_are_those_of_a_cpu() {
        for width in [64, 36, 3] {
            let (left, right) = (numbers(6, width, 1), numbers(6, width, 2));
            let row = numbers(1, width, 3).squeeze(0).unwrap();
            let deep = left.reshape((2, 3, width)).unwrap();
            assert_same(add, &left, &right);
            assert_same(multiply, &left, &right);
            assert_same(add, &left, &row);
            assert_same(add, &deep, &numbers(3, width, 4));
            assert_same(scale_rows, &left, &numbers(1, 6, 5).squeeze(0).unwrap());
        }
    }

    #[test]
    fn chosen_rows_are_those_of_a_cpu() {
        let indices = Tensor::new(&[4_u32, 0, 4, 2], &Device::Cpu).unwrap();
        for width in [64, 36, 3] {
            assert_same(choose_rows, &numbers(5, width, 1), &indices);
        }
    }
}
