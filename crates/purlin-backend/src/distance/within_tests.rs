//! What lies within reach is what the definition says.

use super::{Form, Panels, any_within, find_within, values_of, weigh_within};
use crate::gemm::testing::{bits, numbers};
use crate::isa::{IsaKind, pin};
use proptest::prelude::*;
use purlin_core::{MatrixView, Real};

const FORMS: [Form; 3] = [Form::SquaredEuclidean, Form::Manhattan, Form::Chebyshev];

fn check<T: Real>(form: Form, n: usize, d: usize, seed: u64, reach: f64) {
    // Quarters: distances tie with the reach.
    let whole = |x: T| T::from_f64((x.to_f64() * 4.0).round() / 4.0);
    let x: Vec<T> = numbers::<T>(n * d, seed).into_iter().map(whole).collect();
    let x = MatrixView::from_slice(&x, n, d).unwrap();
    let weights: Vec<T> = (0..n.next_multiple_of(16)).map(|i| T::from_usize(i % 5)).collect();
    let (cut, reach) = (n / 3, T::from_f64(reach));
    let (rows, ranges) = (cut..n, [0..cut, cut..cut, cut + (n - cut) / 2..n]);
    let within = |i: usize, j: usize| form.of(x.row(i), x.row(j)) <= reach;
    let others = || ranges.iter().cloned().flatten();
    let sums: Vec<f64> = rows
        .clone()
        .map(|i| others().filter(|&j| within(i, j)).map(|j| weights[j].to_f64()).sum())
        .collect();
    let counts: Vec<f64> =
        rows.clone().map(|i| others().filter(|&j| within(i, j)).count() as f64).collect();
    let pairs: Vec<[u32; 2]> = rows
        .clone()
        .flat_map(|i| ranges[2].clone().map(move |j| [i as u32, j as u32]))
        .filter(|&[i, j]| within(i as usize, j as usize))
        .collect();
    let values: Vec<T> = ranges[2].clone().map(|j| form.of(x.row(0), x.row(j))).collect();
    for isa in IsaKind::available() {
        let _pin = pin(isa);
        let panels = Panels::pack(x, None);
        let weights = &weights[..panels.n_panels() * Panels::<T>::lanes()];
        for (weights, expected) in [(None, &counts), (Some(weights), &sums)] {
            let mut out = vec![f64::NAN; rows.len()];
            let others = (&panels, &ranges[..]);
            let enough = f64::INFINITY;
            weigh_within(form, (&panels, rows.clone()), others, weights, reach, enough, &mut out);
            assert_eq!(&out, expected, "{form:?} {isa:?} {n}x{d}");
        }
        let (mut found, others) = (Vec::new(), (&panels, ranges[2].clone()));
        find_within(form, (&panels, rows.clone()), others.clone(), reach, &mut found);
        found.sort_unstable();
        assert_eq!(found, pairs, "{form:?} {isa:?} {n}x{d}");
        let any = any_within(form, (&panels, rows.clone()), others.clone(), reach);
        assert_eq!(any, !pairs.is_empty());
        let mut out = vec![T::NAN; ranges[2].len()];
        values_of(form, x.row(0), others, &mut out);
        assert_eq!(bits(&out), bits(&values));
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]
    #[test]
    fn what_is_within_reach_is_the_definitions(
        n in 1usize..70, d in 1usize..6, form in 0usize..3, seed in 0u64..1000, reach in 0u32..8,
    ) {
        let reach = f64::from(reach) / 4.0;
        check::<f32>(FORMS[form], n, d, seed, reach);
        check::<f64>(FORMS[form], n, d, seed, reach);
    }
}
