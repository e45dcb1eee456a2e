//! Hierarchical clustering without the distances of all pairs: as with them, the definition, bits,
//! the budget.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use proptest::prelude::*;
use purlin_cluster::{
    Agglomerative, AgglomerativeAlgorithm, CustomMetric, Dendrogram, Linkage, MemoryBudget, Metric,
};
use purlin_core::rng::Stream;
use purlin_core::{Matrix, Real};
use purlin_testkit::{
    check_dendrogram, check_same_bits_on_all_isas, check_same_bits_on_threads, strategies,
};

const SLOW: [Linkage; 3] = [Linkage::Complete, Linkage::Average, Linkage::Weighted];
const ALL: [Linkage; 7] = [
    Linkage::Single,
    Linkage::Complete,
    Linkage::Average,
    Linkage::Weighted,
    Linkage::Ward,
    Linkage::Centroid,
    Linkage::Median,
];

fn noise<T: Real>(n: usize, d: usize, seed: u64) -> Matrix<T> {
    let mut rng = Stream::new(seed, "noise").rng(0);
    Matrix::from_fn(n, d, |_, _| T::from_f64(rng.normal()))
}

fn linear(linkage: Linkage) -> Agglomerative {
    Agglomerative::new(linkage).algorithm(AgglomerativeAlgorithm::LinearMemory)
}

fn condensed(linkage: Linkage) -> Agglomerative {
    Agglomerative::new(linkage).algorithm(AgglomerativeAlgorithm::Condensed)
}

/// The same clusters at the same heights, but for rounding.
fn assert_close(a: &Dendrogram, b: &Dendrogram, tol: f64, place: &str) {
    assert_eq!(a.merges().len(), b.merges().len());
    for (i, (one, other)) in a.merges().iter().zip(b.merges()).enumerate() {
        assert_eq!((one.left, one.right), (other.left, other.right), "{place}, merge {i}");
        let (one, other) = (one.dissimilarity, other.dissimilarity);
        assert!((one - other).abs() <= tol * one, "{place}, merge {i}: {one}, {other}");
    }
}

/// No distances tie: the trees are one. 600 samples are more than the rows that are kept, and are
/// packed closer four times.
#[test]
fn trees_are_those_of_the_distance_matrix() {
    let x = noise::<f64>(600, 3, 1);
    for linkage in [Linkage::Single, Linkage::Ward].into_iter().chain(SLOW) {
        let (got, expected) = (linear(linkage).fit(x.view()), condensed(linkage).fit(x.view()));
        assert_close(&got.unwrap(), &expected.unwrap(), 1e-12, &linkage.to_string());
    }
    let half = Metric::Custom(CustomMetric::new("half", |a, b| 0.5 * (a[0] - b[0]).abs()));
    for metric in [Metric::Manhattan, Metric::SquaredEuclidean, Metric::Cosine, half] {
        let place = format!("{metric:?}");
        for linkage in [Linkage::Single].into_iter().chain(SLOW) {
            let x = x.view().row_range(0..200);
            let got = linear(linkage).metric(metric.clone()).fit(x).unwrap();
            let expected = condensed(linkage).metric(metric.clone()).fit(x).unwrap();
            assert_close(&got, &expected, 1e-12, &place);
        }
    }
    // Distances in single precision, everything after that in double.
    let x = noise::<f32>(400, 5, 2);
    for linkage in SLOW {
        let wide = linear(linkage).fit(x.cast::<f64>().view()).unwrap();
        assert_close(&linear(linkage).fit(x.view()).unwrap(), &wide, 1e-6, &linkage.to_string());
    }
}

#[test]
fn ties_and_chains_are_merged_by_definition() {
    let lattice =
        Matrix::from_fn(100, 2, |i, j| if j == 0 { (i % 10) as f64 } else { (i / 10) as f64 });
    let line = Matrix::from_fn(120, 1, |i, _| (i * i) as f64);
    let backwards = Matrix::from_fn(120, 1, |i, _| -((i * i) as f64));
    let offset = noise::<f64>(90, 2, 3).map(|x| x + 1e8);
    let equal = Matrix::from_fn(80, 3, |i, _| (i % 3) as f64);
    for x in [lattice, line, backwards, offset, equal] {
        for linkage in SLOW {
            let tree = linear(linkage).fit(x.view()).unwrap();
            assert!(tree.is_monotone());
            check_dendrogram(x.view(), &Metric::Euclidean, linkage, tree.merges());
        }
    }
}

#[test]
fn threads_and_instruction_sets_do_not_change_a_bit() {
    // Several tasks for a row, and more rows than are kept.
    let (x, y) = (noise::<f32>(1300, 60, 4), noise::<f64>(200, 5, 5));
    for linkage in SLOW {
        check_same_bits_on_threads(|| {
            linear(linkage).fit(x.view()).unwrap().linkage_matrix().into_vec()
        });
        check_same_bits_on_all_isas(|| {
            let x = linear(linkage).fit(x.view().row_range(0..300)).unwrap();
            let y = linear(linkage).fit(y.view()).unwrap();
            (x.linkage_matrix().into_vec(), y.linkage_matrix().into_vec())
        });
    }
}

#[test]
fn few_samples_are_enough() {
    for linkage in SLOW {
        let one = linear(linkage).fit(Matrix::from_rows(&[[1.0, 2.0]]).view()).unwrap();
        assert_eq!(one.merges().len(), 0);
        let two = linear(linkage).fit(Matrix::from_rows(&[[0.0, 0.0], [3.0, 4.0]]).view()).unwrap();
        assert_eq!(two.heights(), [5.0]);
        let same = linear(linkage).fit(Matrix::from_rows(&[[1.0]; 9]).view()).unwrap();
        assert_eq!(same.heights(), [0.0; 8]);
    }
}

/// What the plan says is what a fit asks the budget for, to the byte.
#[test]
fn the_plan_is_kept() {
    let x = noise::<f32>(70, 3, 6);
    for linkage in ALL {
        for agglomerative in [Agglomerative::new(linkage), linear(linkage), condensed(linkage)] {
            let plan = agglomerative.plan::<f32>(70, 3).unwrap();
            assert_ne!(plan.algorithm, AgglomerativeAlgorithm::Auto);
            let with = |bytes| agglomerative.clone().memory(MemoryBudget::new(bytes));
            assert!(with(plan.bytes).fit(x.view()).is_ok(), "{linkage}: {plan:?}");
            let err = with(plan.bytes - 1).fit(x.view()).unwrap_err().to_string();
            let tail = format!("needs {} bytes, allowed are {}", plan.bytes, plan.bytes - 1);
            assert!(err.ends_with(&tail), "{err}");
            let same = with(plan.bytes - 1).plan::<f32>(70, 3).unwrap_err().to_string();
            assert_eq!(same, err);
        }
    }
}

#[test]
fn bad_input_is_refused_with_its_numbers() {
    let x = noise::<f64>(200, 2, 7);
    let text = |agglomerative: Agglomerative| agglomerative.fit(x.view()).unwrap_err().to_string();
    let small = MemoryBudget::new(1000);
    assert_eq!(
        text(Agglomerative::new(Linkage::Complete).memory(small)),
        "agglomerative: the distance matrix (ways out: a larger memory, LinearMemory with 134400 \
         bytes) needs 175200 bytes, allowed are 1000"
    );
    assert_eq!(
        text(condensed(Linkage::Median).memory(small)),
        "agglomerative: the distance matrix (ways out: a larger memory, LinearMemory with 33600 \
         bytes) needs 175200 bytes, allowed are 1000"
    );
    assert_eq!(
        text(linear(Linkage::Average).memory(small)),
        "agglomerative: the copy of the samples and the distances of 64 clusters needs 134400 \
         bytes, allowed are 1000"
    );
    assert_eq!(
        text(Agglomerative::new(Linkage::Centroid).memory(small)),
        "agglomerative: the centroids needs 33600 bytes, allowed are 1000"
    );
    let err = linear(Linkage::Weighted).plan::<f64>(1 << 31, usize::MAX).unwrap_err();
    assert!(err.to_string().contains("18446744073709551615 bytes"), "{err}");
    for (value, shown) in [(f64::NAN, "NaN"), (-1.0, "-1"), (f64::INFINITY, "inf")] {
        let bad = Metric::Custom(CustomMetric::new("bad", move |_, _| value));
        for linkage in SLOW {
            let text = text(linear(linkage).metric(bad.clone()));
            assert!(text.starts_with("agglomerative: distances must be finite and at least 0"));
            assert!(text.ends_with(&format!("got {shown}")), "{text}");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    #[test]
    fn the_definition_is_followed_on_any_table(x in strategies::hostile_matrix(1usize..40, 1usize..4)) {
        for linkage in SLOW {
            let tree = linear(linkage).metric(Metric::Manhattan).fit(x.view()).unwrap();
            check_dendrogram(x.view(), &Metric::Manhattan, linkage, tree.merges());
        }
    }
}
