//! Approaching rows against the loops.

use super::{Panels, approach, naive};
use crate::gemm::testing::{bits, numbers};
use crate::isa::{IsaKind, pin};
use proptest::prelude::*;
use purlin_core::{MatrixView, Real};

fn view<T: Real>(data: &[T], n_cols: usize) -> MatrixView<'_, T> {
    MatrixView::from_slice(data, data.len() / n_cols, n_cols).unwrap()
}

fn check<T: Real>(n: usize, d: usize, m: usize, is_weighted: bool, seed: u64) {
    let (x, candidates) = (numbers::<T>(n * d, seed), numbers::<T>(m * d, seed + 1));
    let (x, candidates) = (view(&x, d), view(&candidates, d));
    let closest: Vec<T> =
        numbers::<T>(n, seed + 2).iter().map(|x| x.abs() * T::from_f64(8.0)).collect();
    let weights: Vec<T> = numbers::<T>(n, seed + 3).iter().map(|x| x.abs()).collect();
    let weights = is_weighted.then_some(&weights[..]);
    let stride = n + 3;
    let (mut expected, mut totals) = (vec![T::NAN; (m - 1) * stride + n], vec![1.0f64; m]);
    for t in 0..m {
        for i in 0..n {
            let less = naive::squared_euclidean(candidates.row(t), x.row(i)).min(closest[i]);
            expected[t * stride + i] = less;
            totals[t] += less.to_f64() * weights.map_or(1.0, |weights| weights[i].to_f64());
        }
    }
    let panels = Panels::pack(x, None);
    let mut sums_of_first = None;
    for isa in IsaKind::available() {
        let _pin = pin(isa);
        let (mut out, mut sums) = (vec![T::NAN; expected.len()], vec![1.0; m]);
        let points = (&panels, 0..panels.n_panels());
        approach(candidates, points, &closest, weights, &mut out, stride, &mut sums);
        assert_eq!(bits(&out), bits(&expected), "{n}x{d}, {m} candidates, {isa:?}");
        for (sum, total) in sums.iter().zip(&totals) {
            assert!((sum - total).abs() <= 1e-12 * total, "{sum} {total} {isa:?}");
        }
        assert_eq!(*sums_of_first.get_or_insert(bits(&sums)), bits(&sums), "{isa:?}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]
    #[test]
    fn rows_come_closer_as_by_the_definition(
        n in 1usize..70, d in 1usize..12, m in 1usize..15, is_weighted: bool, seed in 0u64..1000,
    ) {
        check::<f32>(n, d, m, is_weighted, seed);
        check::<f64>(n, d, m, is_weighted, seed);
    }
}
