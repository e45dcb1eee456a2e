//! What lies within reach is what the definition says.

use super::{
    Form, Panels, any_within, between_boxes, find_within, least_of_rows, values_of, weigh_within,
};
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
    // Not in a row, and one twice.
    let rows: Vec<u32> = (cut as u32..n as u32).rev().chain([0]).collect();
    let ranges = [0..cut, cut..cut, cut + (n - cut) / 2..n];
    let has_limit = |j: usize| j % 7 != 3;
    let within = |i: u32, j: usize| has_limit(j) && form.of(x.row(i as usize), x.row(j)) <= reach;
    let others = || ranges.iter().cloned().flatten();
    let sums: Vec<f64> = rows
        .iter()
        .map(|&i| others().filter(|&j| within(i, j)).map(|j| weights[j].to_f64()).sum())
        .collect();
    let counts: Vec<f64> =
        rows.iter().map(|&i| others().filter(|&j| within(i, j)).count() as f64).collect();
    let mut pairs: Vec<[u32; 2]> = rows
        .iter()
        .flat_map(|&i| ranges[2].clone().map(move |j| [i, j as u32]))
        .filter(|&[i, j]| within(i, j as usize))
        .collect();
    pairs.sort_unstable();
    let values: Vec<T> = ranges[2].clone().map(|j| form.of(x.row(0), x.row(j))).collect();
    for isa in IsaKind::available() {
        let _pin = pin(isa);
        let panels = Panels::pack(x, None);
        let mut limits = panels.limits(reach);
        for j in (0..n).filter(|&j| !has_limit(j)) {
            limits[j] = T::NAN;
        }
        let weights = &weights[..panels.n_panels() * Panels::<T>::lanes()];
        for (weights, expected) in [(None, &counts), (Some(weights), &sums)] {
            let mut out = vec![1.0; rows.len()];
            let others = (&panels, &ranges[..]);
            let enough = f64::INFINITY;
            weigh_within(form, (&panels, &rows), others, &limits, weights, enough, &mut out);
            let out: Vec<f64> = out.into_iter().map(|sum| sum - 1.0).collect();
            assert_eq!(&out, expected, "{form:?} {isa:?} {n}x{d}");
        }
        let (mut found, others) = (Vec::new(), (&panels, ranges[2].clone()));
        find_within(form, (&panels, &rows), others.clone(), &limits, &mut found);
        found.sort_unstable();
        assert_eq!(found, pairs, "{form:?} {isa:?} {n}x{d}");
        let any = any_within(form, (&panels, &rows), others.clone(), &limits);
        assert_eq!(any, !pairs.is_empty());
        let mut out = vec![T::NAN; ranges[2].len()];
        values_of(form, x.row(0), others, &mut out);
        assert_eq!(bits(&out), bits(&values));
    }
}

/// Bounds of the rows before `cut` and of the others hold for every pair, to the last bit.
fn check_boxes<T: Real>(form: Form, n: usize, d: usize, seed: u64) {
    let x = numbers::<T>(n * d, seed);
    let x = MatrixView::from_slice(&x, n, d).unwrap();
    let cut = n / 2;
    let bound = |rows: std::ops::Range<usize>| {
        let fold = |start: T, f: fn(T, T) -> T| -> Vec<T> {
            (0..d).map(|j| rows.clone().fold(start, |best, i| f(best, x.row(i)[j]))).collect()
        };
        (fold(T::INFINITY, T::min), fold(T::NEG_INFINITY, T::max))
    };
    let (a, b) = (bound(0..cut), bound(cut..n));
    let mut seen = Vec::new();
    for isa in IsaKind::available() {
        let _pin = pin(isa);
        let (a, b) = ((&a.0[..], &a.1[..]), (&b.0[..], &b.1[..]));
        let (least, most) = between_boxes(form, a, b);
        let panels = Panels::pack(x, None);
        let lanes = Panels::<T>::lanes();
        let mut all = Vec::new();
        for panel in 0..panels.n_panels() {
            let mut out = vec![T::NAN; lanes];
            least_of_rows(form, (&panels, panel), b, &mut out);
            all.extend(out);
        }
        for (i, &of_row) in all.iter().enumerate().take(cut) {
            let values: Vec<T> = (cut..n).map(|j| form.of(x.row(i), x.row(j))).collect();
            assert!(
                values.iter().all(|&value| least <= value && value <= most),
                "{form:?} {isa:?}"
            );
            assert!(values.iter().all(|&value| of_row <= value), "{form:?} {isa:?}");
            assert!(least <= of_row, "{form:?} {isa:?}");
        }
        seen.push((bits(&[least, most]), bits(&all[..n])));
    }
    assert!(seen.windows(2).all(|pair| pair[0] == pair[1]), "{form:?} {seen:?}");
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

    #[test]
    fn no_pair_lies_beyond_the_bounds_of_its_boxes(
        n in 2usize..50, d in 1usize..40, form in 0usize..3, seed in 0u64..1000,
    ) {
        check_boxes::<f32>(FORMS[form], n, d, seed);
        check_boxes::<f64>(FORMS[form], n, d, seed);
    }
}
