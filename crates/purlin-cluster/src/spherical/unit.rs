//! Rows of length 1.

use super::OP;
use crate::kmeans::Length;
use purlin_backend::parallel;
use purlin_core::{Error, Matrix, MatrixView, Real, Result};

/// Rows that one task scales.
const BLOCK: usize = 256;

/// The rows of `x`, each divided by its length. Refuses rows of length 0.
///
/// A row times a power of 2 has the same bits.
pub(super) fn unit_rows<T: Real>(name: &'static str, x: MatrixView<'_, T>) -> Result<Matrix<T>> {
    let is_zero = |row: &[T]| row.iter().all(|value| *value == T::ZERO);
    if let Some(row) = x.rows().position(is_zero) {
        let rule = "made of rows longer than 0";
        return Err(Error::param(OP, name, rule, format!("a length of 0 at row {row}")));
    }
    let (n, d) = x.shape();
    let mut out = Matrix::zeros(n, d);
    parallel::for_each_chunk(out.as_mut_slice(), BLOCK * d, 8 * n * d, |block, out| {
        for (i, out) in out.chunks_exact_mut(d).enumerate() {
            let row = x.row(block * BLOCK + i);
            if let Some(length) = Length::of(row.iter().map(|value| value.to_f64())) {
                for (out, value) in out.iter_mut().zip(row) {
                    *out = T::from_f64(length.divide(value.to_f64()));
                }
            }
        }
    });
    Ok(out)
}
