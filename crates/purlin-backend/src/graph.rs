//! Products of a symmetric matrix, sparse or dense, with a few columns at once.

use crate::{Kernel, dispatch, parallel};
use purlin_core::simd::{Isa, Lanes};

/// A square matrix of double precision, by rows.
#[derive(Debug, Clone, PartialEq)]
pub enum Square {
    /// Row `i` holds `values[j]` in column `columns[j]`, for `j` in `starts[i]..starts[i + 1]`.
    Sparse {
        /// Where each row starts, and where the last one ends.
        starts: Vec<usize>,
        /// The column of each value.
        columns: Vec<u32>,
        /// The values.
        values: Vec<f64>,
    },
    /// Every value.
    Dense {
        /// Rows and columns.
        n: usize,
        /// Row after row.
        values: Vec<f64>,
    },
}

/// The columns of a block are a multiple of this: the lanes of a vector.
pub const BLOCK_WIDTH: usize = 8;

/// Rows that one task computes.
const ROWS: usize = 128;
/// Rows of a dense matrix that are multiplied at the same time.
const HEIGHT: usize = 4;

impl Square {
    /// Rows, and columns.
    pub fn n(&self) -> usize {
        match self {
            Self::Sparse { starts, .. } => starts.len().saturating_sub(1),
            Self::Dense { n, .. } => *n,
        }
    }

    /// `out = a M x + b x + c out`, for `n` rows of `width` numbers each.
    ///
    /// Each number is one chain of fused multiply-adds along the row of the matrix, from 0; then
    /// come the other terms. Over several threads.
    ///
    /// # Panics
    ///
    /// When `width` is no multiple of [`BLOCK_WIDTH`], `x` or `out` has not `n * width` numbers, or
    /// the parts of a sparse matrix do not fit together.
    ///
    /// # Examples
    ///
    /// ```
    /// use purlin_backend::graph::{BLOCK_WIDTH, Square};
    ///
    /// let swap = Square::Dense { n: 2, values: vec![0.0, 1.0, 1.0, 0.0] };
    /// let x = [[1.0; BLOCK_WIDTH], [2.0; BLOCK_WIDTH]].concat();
    /// let mut out = vec![5.0; 16];
    /// swap.three_terms([10.0, 1.0, -1.0], BLOCK_WIDTH, &x, &mut out);
    /// assert_eq!((out[0], out[8]), (16.0, 7.0)); // 10 * 2 + 1 - 5, 10 * 1 + 2 - 5
    /// ```
    #[track_caller]
    pub fn three_terms(&self, factors: [f64; 3], width: usize, x: &[f64], out: &mut [f64]) {
        let n = self.n();
        assert!(
            width > 0 && width.is_multiple_of(BLOCK_WIDTH),
            "three_terms: width must be a multiple of {BLOCK_WIDTH}, got {width}"
        );
        let (len, got) = (n.checked_mul(width), (x.len(), out.len()));
        assert!(
            len == Some(got.0) && len == Some(got.1),
            "three_terms: expected x and out with {n} rows of {width}, got {got:?} numbers"
        );
        let n_values = match self {
            Self::Sparse { columns, values, .. } => {
                assert_eq!(columns.len(), values.len(), "three_terms: a column for each value");
                values.len()
            }
            Self::Dense { values, .. } => {
                assert_eq!(values.len(), n * n, "three_terms: n rows of n values");
                values.len()
            }
        };
        let work = n_values.saturating_mul(width);
        parallel::for_each_chunk(out, ROWS * width, work, |block, out| {
            dispatch(ThreeTerms { matrix: self, first: block * ROWS, factors, width, x, out });
        });
    }
}

struct ThreeTerms<'a> {
    matrix: &'a Square,
    first: usize,
    factors: [f64; 3],
    width: usize,
    x: &'a [f64],
    out: &'a mut [f64],
}

impl Kernel for ThreeTerms<'_> {
    type Output = ();
    #[inline(always)]
    fn run<I: Isa>(self) {
        let Self { matrix, first, factors, width, x, out } = self;
        match matrix {
            Square::Sparse { starts, columns, values } => {
                for (i, out) in out.chunks_exact_mut(width).enumerate() {
                    let row = starts[first + i]..starts[first + i + 1];
                    let own = &x[(first + i) * width..][..width];
                    let entries = (&columns[row.clone()], &values[row]);
                    sparse_row::<I::F64>(entries, factors, width, x, own, out);
                }
            }
            Square::Dense { n, values } => {
                for (i, out) in out.chunks_mut(HEIGHT * width).enumerate() {
                    let row = first + i * HEIGHT;
                    let height = out.len() / width;
                    // The last row again where fewer are left.
                    let at = |r: usize| &values[(row + r.min(height - 1)) * n..][..*n];
                    let rows = [at(0), at(1), at(2), at(3)];
                    let own = &x[row * width..][..out.len()];
                    dense_rows::<I::F64>(rows, factors, width, x, own, out);
                }
            }
        }
    }
}

/// `a sum + b x + c out`.
#[inline(always)]
fn finish<V: Lanes<Scalar = f64>>(sum: V, [a, b, c]: [f64; 3], x: &[f64], out: &mut [f64]) {
    let terms = V::splat(c) * V::load(out);
    let terms = V::splat(b).mul_add(V::load(x), terms);
    V::splat(a).mul_add(sum, terms).store(out);
}

#[inline(always)]
fn sparse_row<V: Lanes<Scalar = f64>>(
    (columns, values): (&[u32], &[f64]),
    factors: [f64; 3],
    width: usize,
    x: &[f64],
    own: &[f64],
    out: &mut [f64],
) {
    for group in (0..width).step_by(BLOCK_WIDTH) {
        let mut sum = V::splat(0.0);
        for (&column, &value) in columns.iter().zip(values) {
            let other = V::load(&x[column as usize * width + group..]);
            sum = V::splat(value).mul_add(other, sum);
        }
        finish(sum, factors, &own[group..], &mut out[group..]);
    }
}

#[inline(always)]
fn dense_rows<V: Lanes<Scalar = f64>>(
    rows: [&[f64]; HEIGHT],
    factors: [f64; 3],
    width: usize,
    x: &[f64],
    own: &[f64],
    out: &mut [f64],
) {
    let [a, b, c, d] = rows;
    for group in (0..width).step_by(BLOCK_WIDTH) {
        let mut sums = [V::splat(0.0); HEIGHT];
        let values = a.iter().zip(b).zip(c).zip(d);
        for (x, (((a, b), c), d)) in x.chunks_exact(width).zip(values) {
            let x = V::load(&x[group..]);
            let values = [*a, *b, *c, *d];
            for i in 0..HEIGHT {
                sums[i] = V::splat(values[i]).mul_add(x, sums[i]);
            }
        }
        let rows = own.chunks_exact(width).zip(out.chunks_exact_mut(width));
        for (sum, (own, out)) in sums.into_iter().zip(rows) {
            finish(sum, factors, &own[group..], &mut out[group..]);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gemm::testing::{bits, numbers};
    use crate::isa::{IsaKind, pin};

    /// The definition, number by number.
    fn naive(m: &Square, [a, b, c]: [f64; 3], width: usize, x: &[f64], out: &mut [f64]) {
        for (i, out) in out.iter_mut().enumerate() {
            let (row, column) = (i / width, i % width);
            let term = |sum: f64, j: usize, value: f64| value.mul_add(x[j * width + column], sum);
            let sum = match m {
                Square::Sparse { starts, columns, values } => (starts[row]..starts[row + 1])
                    .fold(0.0, |sum, k| term(sum, columns[k] as usize, values[k])),
                Square::Dense { n, values } => {
                    (0..*n).fold(0.0, |sum, j| term(sum, j, values[row * n + j]))
                }
            };
            *out = a.mul_add(sum, b.mul_add(x[i], c * *out));
        }
    }

    fn check(m: &Square, width: usize) {
        let n = m.n();
        let (x, start) = (numbers::<f64>(n * width, 3), numbers::<f64>(n * width, 4));
        let factors = [1.7, -0.3, 0.9];
        let mut expected = start.clone();
        naive(m, factors, width, &x, &mut expected);
        for isa in IsaKind::available() {
            let _pin = pin(isa);
            for threads in [1, 2, 3, 8] {
                let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
                let mut out = start.clone();
                pool.install(|| m.three_terms(factors, width, &x, &mut out));
                assert_eq!(bits(&out), bits(&expected), "{isa:?} {threads} threads n {n}");
            }
        }
    }

    #[test]
    fn products_are_the_definitions_on_any_machine() {
        for (n, width) in [(1, 8), (3, 16), (37, 8), (200, 24), (300, 8)] {
            check(&Square::Dense { n, values: numbers(n * n, 1) }, width);
            // Rows of 0 to 6 values, some of them twice in one column.
            let starts: Vec<usize> = (0..=n).map(|i| (0..i).map(|i| i * 5 % 7).sum()).collect();
            let len = starts[n];
            let columns = (0..len).map(|k| (k * 31 % n) as u32).collect();
            check(&Square::Sparse { starts, columns, values: numbers(len, 2) }, width);
        }
        // Enough work for threads.
        let n = 3000;
        let columns = (0..n * 20).map(|k| (k * 7919 % n) as u32).collect();
        let starts = (0..=n).map(|i| i * 20).collect();
        check(&Square::Sparse { starts, columns, values: numbers(n * 20, 2) }, 8);
    }

    #[test]
    fn nothing_is_the_product_of_nothing() {
        let empty = Square::Sparse { starts: vec![0], columns: vec![], values: vec![] };
        empty.three_terms([1.0; 3], 8, &[], &mut []);
        assert_eq!(empty.n(), 0);
    }
}
