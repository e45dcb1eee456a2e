//! Sums of the rows within reach of a point.

use super::{Form, Panels};
use crate::{Kernel, dispatch};
use purlin_core::simd::{Isa, Lanes};
use std::ops::Range;

/// A sum to twice the precision: `high` is the sum as rounded, `low` what rounding left.
///
/// The order of the terms does not show in `high`, but for one in some `2^50` sums. So the mean of
/// some rows is a function of the rows, however they were found.
///
/// # References
///
/// - D. E. Knuth, *The Art of Computer Programming*, volume 2, section 4.2.2, theorem B.
///
/// # Examples
///
/// ```
/// use purlin_backend::distance::DoubleSum;
///
/// let mut sum = DoubleSum::default();
/// for x in [1e16, 1.0, 1.0, -1e16] {
///     sum.add(DoubleSum { high: x, low: 0.0 });
/// }
/// assert_eq!(sum.high, 2.0);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct DoubleSum {
    /// The sum, rounded.
    pub high: f64,
    /// What is left of it.
    pub low: f64,
}

impl DoubleSum {
    /// Adds another sum.
    #[inline(always)]
    pub fn add(&mut self, other: Self) {
        let (sum, lost) = two_sum(self.high, other.high);
        let low = lost + (self.low + other.low);
        self.high = sum + low;
        self.low = low - (self.high - sum);
    }
}

/// `a + b`, rounded, and what that loses, exactly (Knuth, see [`DoubleSum`]).
#[inline(always)]
pub(super) fn two_sum(a: f64, b: f64) -> (f64, f64) {
    let sum = a + b;
    let of_b = sum - a;
    (sum, (a - (sum - of_b)) + (b - of_b))
}

/// Adds to `sums`, feature by feature, the rows of `others` in `ranges` within `reach` of `query`
/// (all of `form`, see [`Form::of`]), and returns how many they are.
///
/// Runs on the calling thread. `lanes` is scratch space.
///
/// # Panics
///
/// When there is not one sum and one number per feature, or a row is missing.
///
/// # Examples
///
/// ```
/// use purlin_backend::distance::{DoubleSum, Form, Panels, add_within};
/// use purlin_core::MatrixView;
///
/// let x = Panels::pack(MatrixView::from_rows(&[[0.0], [1.0], [2.0], [5.0]]), None);
/// let mut sums = [DoubleSum::default()];
/// let others = (&x, &[0..2, 3..4][..]);
/// let n = add_within(Form::Manhattan, &[2.0], others, 3.0, &mut Vec::new(), &mut sums);
/// assert_eq!((n, sums[0].high), (3, 6.0));
/// ```
#[track_caller]
pub fn add_within(
    form: Form,
    query: &[f64],
    (others, ranges): (&Panels<f64>, &[Range<usize>]),
    reach: f64,
    lanes: &mut Vec<f64>,
    sums: &mut [DoubleSum],
) -> usize {
    let (n, d) = (others.n_rows(), others.n_features());
    let outside = ranges.iter().find(|range| range.start > range.end || range.end > n);
    assert!(
        query.len() == d && sums.len() == d && outside.is_none(),
        "add_within: expected {d} features and rows below {n}, got {}, {} sums and {outside:?}",
        query.len(),
        sums.len()
    );
    lanes.clear();
    lanes.resize(2 * d * Panels::<f64>::lanes(), 0.0);
    dispatch(AddWithin { form, query, others, ranges, reach, lanes, sums })
}

struct AddWithin<'a> {
    form: Form,
    query: &'a [f64],
    others: &'a Panels<f64>,
    ranges: &'a [Range<usize>],
    reach: f64,
    lanes: &'a mut [f64],
    sums: &'a mut [DoubleSum],
}

impl Kernel for AddWithin<'_> {
    type Output = usize;
    #[inline(always)]
    fn run<I: Isa>(self) -> usize {
        let Self { form, query, others, ranges, reach, lanes, sums } = self;
        let width = I::F64::LANES;
        let mut iota = [0.0; 16];
        for (i, lane) in iota.iter_mut().enumerate() {
            *lane = i as f64;
        }
        let iota = I::F64::load(&iota);
        let (zero, one) = (I::F64::splat(0.0), I::F64::splat(1.0));
        let (reach, mut count) = (I::F64::splat(reach), zero);
        for range in ranges {
            for p in range.start / width..range.end.div_ceil(width) {
                let panel = others.panel(p);
                let value = chain::<I::F64>(form, query, panel);
                let mut mask = value.le(reach);
                if p * width < range.start || (p + 1) * width > range.end {
                    let place = iota + I::F64::splat((p * width) as f64);
                    mask = mask
                        & place.ge(I::F64::splat(range.start as f64))
                        & place.lt(I::F64::splat(range.end as f64));
                }
                if !I::F64::any(mask) {
                    continue;
                }
                count = count + I::F64::select(mask, one, zero);
                for (x, sum) in panel.chunks_exact(width).zip(lanes.chunks_exact_mut(2 * width)) {
                    let x = I::F64::select(mask, I::F64::load(x), zero);
                    let (high, low) = (I::F64::load(sum), I::F64::load(&sum[width..]));
                    let new = high + x;
                    let part = new - high;
                    let rest = (high - (new - part)) + (x - part);
                    new.store(sum);
                    (low + rest).store(&mut sum[width..]);
                }
            }
        }
        for (lanes, sum) in lanes.chunks_exact(2 * width).zip(sums) {
            let (high, low) = lanes.split_at(width);
            for (&high, &low) in high.iter().zip(low) {
                sum.add(DoubleSum { high, low });
            }
        }
        count.sum() as usize
    }
}

/// The value of `form` between a row and each row of a panel.
#[inline(always)]
fn chain<V: Lanes<Scalar = f64>>(form: Form, query: &[f64], panel: &[f64]) -> V {
    let mut sum = V::splat(0.0);
    for (&x, lane) in query.iter().zip(panel.chunks_exact(V::LANES)) {
        let t = V::splat(x) - V::load(lane);
        sum = match form {
            Form::SquaredEuclidean => t.mul_add(t, sum),
            Form::Manhattan => sum + t.abs(),
            Form::Chebyshev => t.abs().max(sum),
        };
    }
    sum
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gemm::testing::numbers;
    use crate::isa::{IsaKind, pin};
    use proptest::prelude::*;
    use purlin_core::MatrixView;

    /// Exact: quarters below 2^40 as whole numbers.
    fn exact(terms: impl Iterator<Item = f64>) -> f64 {
        terms.map(|x| (x * 4.0) as i128).sum::<i128>() as f64 / 4.0
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(60))]
        #[test]
        fn sums_within_reach_are_exact(
            n in 1usize..70, d in 1usize..5, form in 0usize..3, seed in 0u64..1000, reach in 0u32..8,
        ) {
            let form = [Form::SquaredEuclidean, Form::Manhattan, Form::Chebyshev][form];
            let x: Vec<f64> =
                numbers::<f64>(n * d, seed).iter().map(|x| (x * 4.0).round() / 4.0).collect();
            let x = MatrixView::from_slice(&x, n, d).unwrap();
            let panels = Panels::pack(x, None);
            let cut = n / 3;
            let ranges = [0..cut, cut..cut, cut + (n - cut) / 2..n];
            let (query, reach) = (x.row(n / 2), f64::from(reach) / 2.0);
            let within: Vec<usize> = ranges.iter().cloned().flatten()
                .filter(|&i| form.of(query, x.row(i)) <= reach).collect();
            for isa in IsaKind::available() {
                let _pin = pin(isa);
                let mut sums = vec![DoubleSum { high: 0.25, low: 0.0 }; d];
                let others = (&panels, &ranges[..]);
                let count = add_within(form, query, others, reach, &mut Vec::new(), &mut sums);
                prop_assert_eq!(count, within.len());
                for (j, sum) in sums.iter().enumerate() {
                    let terms = within.iter().map(|&i| x.row(i)[j]).chain([0.25]);
                    prop_assert_eq!(sum.high, exact(terms));
                }
            }
        }

        #[test]
        fn the_order_of_terms_does_not_show(seed in 0u64..1000, n in 1usize..200) {
            // Terms of very different size, so that plain sums differ.
            let x: Vec<f64> = numbers::<f64>(n, seed)
                .iter()
                .enumerate()
                .map(|(i, x)| x * [1.0, 1e8, 1e-8][i % 3])
                .collect();
            let sum = |terms: &mut dyn Iterator<Item = &f64>| {
                let mut sum = DoubleSum::default();
                for &high in terms {
                    sum.add(DoubleSum { high, low: 0.0 });
                }
                sum.high.to_bits()
            };
            let (mut halves, middle) = (DoubleSum::default(), n / 2);
            for part in [&x[middle..], &x[..middle]] {
                let mut sum = DoubleSum::default();
                for &high in part {
                    sum.add(DoubleSum { high, low: 0.0 });
                }
                halves.add(sum);
            }
            let forward = sum(&mut x.iter());
            prop_assert_eq!(forward, sum(&mut x.iter().rev()));
            prop_assert_eq!(forward, halves.high.to_bits());
        }
    }
}
