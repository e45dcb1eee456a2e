//! What a medoid changes is what the definition says.

use super::{gain, swap_changes, total};
use crate::gemm::testing::numbers;
use crate::isa::{IsaKind, pin};
use proptest::prelude::*;
use purlin_core::Real;

fn check<T: Real>(sizes: &[usize], has_root: bool, seed: u64) {
    let n: usize = sizes.iter().sum();
    let ends: Vec<usize> = (1..=sizes.len()).map(|k| sizes[..k].iter().sum()).collect();
    // Quarters: sums are exact, and distances tie.
    let quarters = |seed| -> Vec<T> {
        let whole = |x: T| T::from_f64((x.to_f64() * 16.0).abs().round() / 4.0);
        numbers::<T>(n, seed).into_iter().map(whole).collect()
    };
    let (near, more, far) = (quarters(seed), quarters(seed + 1), quarters(seed + 2));
    let second: Vec<T> = near.iter().zip(&more).map(|(&a, &b)| a + b).collect();
    let raw: Vec<T> = far.iter().map(|&x| if has_root { x * x } else { x }).collect();
    let of = |f: &dyn Fn(f64, f64, f64) -> f64, range: std::ops::Range<usize>| -> f64 {
        range.map(|j| f(far[j].to_f64(), near[j].to_f64(), second[j].to_f64())).sum()
    };
    let mut start = 0;
    let removal = |d: f64, near: f64, second: f64| d.min(second) - near - (d - near).min(0.0);
    let mut expected = Vec::new();
    for &end in &ends {
        expected.push(of(&removal, start..end));
        start = end;
    }
    for isa in IsaKind::available() {
        let _pin = pin(isa);
        assert_eq!(total(&raw, has_root), of(&|d, _, _| d, 0..n), "{isa:?}");
        assert_eq!(
            gain(&raw, &near, has_root),
            of(&|d, near, _| (near - d).max(0.0), 0..n),
            "{isa:?}"
        );
        let mut start = 0;
        let mut changes: Vec<f64> = Vec::new();
        for &end in &ends {
            changes.push(of(&|_, near, second| second - near, start..end));
            start = end;
        }
        let shared = swap_changes(&raw, &near, &second, &ends, has_root, &mut changes);
        assert_eq!(shared, of(&|d, near, _| (d - near).min(0.0), 0..n), "{isa:?}");
        assert_eq!(changes, expected, "{isa:?}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]
    #[test]
    fn changes_are_the_definitions(
        sizes in prop::collection::vec(0usize..40, 1..6), has_root: bool, seed in 0u64..1000,
    ) {
        check::<f32>(&sizes, has_root, seed);
        check::<f64>(&sizes, has_root, seed);
    }
}

#[test]
fn sums_have_the_same_bits_on_every_instruction_set() {
    let (n, ends) = (1003, [100, 100, 777, 1003]);
    let near: Vec<f32> = numbers::<f32>(n, 1).into_iter().map(f32::abs).collect();
    let far: Vec<f32> = numbers::<f32>(n, 2).into_iter().map(f32::abs).collect();
    let second: Vec<f32> = near.iter().zip(&far).map(|(a, b)| a + 0.1 * b).collect();
    let on = |isa| {
        let _pin = pin(isa);
        let mut changes = [0.0; 4];
        let shared = swap_changes(&far, &near, &second, &ends, true, &mut changes);
        let sums = [shared, gain(&far, &near, true), total(&far, true)];
        sums.into_iter().chain(changes).map(f64::to_bits).collect::<Vec<_>>()
    };
    let expected = on(IsaKind::Scalar);
    for isa in IsaKind::available() {
        assert_eq!(on(isa), expected, "{isa:?}");
    }
}
