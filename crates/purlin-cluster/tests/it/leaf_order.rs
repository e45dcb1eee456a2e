//! Optimal leaf orders: all flips by brute force, the costs by definition and scipy's, the doors.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use proptest::prelude::*;
use purlin_cluster::{Agglomerative, CondensedMatrix, Dendrogram, Linkage, MemoryBudget, Metric};
use purlin_core::{Matrix, MatrixView};
use purlin_testkit::{check_same_bits_on_threads, reference, strategies};

fn cost(order: &[usize], distances: &CondensedMatrix<f64>) -> f64 {
    order.windows(2).map(|pair| distances.get(pair[0], pair[1])).sum()
}

/// The least cost of all `2^(n - 1)` orders.
fn brute_force(tree: &Dendrogram, distances: &CondensedMatrix<f64>) -> f64 {
    let n = tree.n_samples();
    let mut least = f64::INFINITY;
    for flips in 0..1usize << tree.merges().len() {
        let mut runs: Vec<Vec<usize>> = (0..n).map(|i| vec![i]).collect();
        for (i, merge) in tree.merges().iter().enumerate() {
            let (left, right) = (runs[merge.left].clone(), runs[merge.right].clone());
            runs.push(if flips >> i & 1 == 1 { [right, left] } else { [left, right] }.concat());
        }
        least = least.min(cost(runs.last().unwrap(), distances));
    }
    least
}

fn linkage(name: &str) -> Linkage {
    let all = [
        Linkage::Single,
        Linkage::Complete,
        Linkage::Average,
        Linkage::Weighted,
        Linkage::Ward,
        Linkage::Centroid,
        Linkage::Median,
    ];
    all.into_iter().find(|linkage| linkage.to_string() == name).unwrap()
}

#[test]
fn costs_are_the_least_by_definition_and_at_most_those_of_scipy() {
    let cases: serde_json::Value =
        serde_json::from_str(include_str!("reference/leaf_order.json")).unwrap();
    let cases = cases["cases"].as_array().unwrap();
    assert_eq!(cases.len(), 21);
    for case in cases {
        let (set, method) = (case["set"].as_str().unwrap(), case["method"].as_str().unwrap());
        let Some(data) = reference::json(&format!("reference/clustering/{set}.json.gz")) else {
            return;
        };
        let (n, d) = (data["n"].as_u64().unwrap() as usize, data["d"].as_u64().unwrap() as usize);
        let x = Matrix::from_vec(reference::numbers(&data["X"]), n, d).unwrap();
        let is_it = |one: &&serde_json::Value| {
            one["method"] == linkage(method).to_string() && one["metric"] == "euclidean"
        };
        let tree = data["linkage"].as_array().unwrap().iter().find(is_it).unwrap();
        let z = Matrix::from_vec(reference::numbers(&tree["Z"]), n - 1, 4).unwrap();
        let tree = Dendrogram::from_linkage_matrix(z.view()).unwrap();
        let distances = Metric::Euclidean.pairwise(x.view()).unwrap();
        let order = tree.optimal_leaf_order(&distances).unwrap();
        let (got, expected) = (cost(&order, &distances), case["optimal"].as_f64().unwrap());
        assert!((got - expected).abs() <= 1e-12 * expected, "{set}, {method}: {got}, {expected}");
        // scipy's order is a valid one, not the best.
        assert!(got <= case["scipy"].as_f64().unwrap() * (1.0 + 1e-12), "{set}, {method}: {got}");
        assert_eq!(tree.reordered(&order).unwrap().leaf_order(), order);
    }
}

#[test]
fn a_chain_is_walked_without_recursion_and_threads_change_nothing() {
    let n = 2000;
    let x = Matrix::from_fn(n, 1, |i, _| (i * i) as f64);
    let distances = Metric::Euclidean.pairwise(x.view()).unwrap();
    let tree = Agglomerative::new(Linkage::Single).fit(x.view()).unwrap();
    let order = tree.optimal_leaf_order(&distances).unwrap();
    assert_eq!(cost(&order, &distances), x[(n - 1, 0)]);
    let y = purlin_testkit::three_groups::<f32>(400, 3);
    let distances = Metric::Euclidean.pairwise(y.view()).unwrap();
    let tree = Agglomerative::new(Linkage::Average).fit(y.view()).unwrap();
    check_same_bits_on_threads(|| tree.optimal_leaf_order(&distances).unwrap());
}

#[test]
fn bad_input_is_refused_with_its_numbers() {
    let x = Matrix::from_rows(&[[0.0], [1.0], [5.0]]);
    let tree = Agglomerative::new(Linkage::Single).fit(x.view()).unwrap();
    let distances = Metric::Euclidean.pairwise(x.view()).unwrap();
    let text = |distances: &CondensedMatrix<f64>, bytes| {
        let budget = MemoryBudget::new(bytes);
        tree.optimal_leaf_order_within(distances, budget).unwrap_err().to_string()
    };
    assert_eq!(
        text(&distances, 107),
        "dendrogram: the table of optimal ways needs 108 bytes, allowed are 107"
    );
    let other = CondensedMatrix::from_vec(2, vec![1.0]).unwrap();
    assert_eq!(text(&other, 108), "dendrogram: expected distances of 3 samples, got 2");
    let far = CondensedMatrix::from_vec(3, vec![1.0, f64::INFINITY, 1.0]).unwrap();
    assert_eq!(text(&far, 108), "dendrogram: distances must be finite, got inf");
    let text = |order: &[usize]| tree.reordered(order).unwrap_err().to_string();
    assert_eq!(text(&[0, 1]), "dendrogram: expected order of 3 samples, got 2");
    let rule = "dendrogram: order must be a permutation of 0..3, got";
    assert_eq!(text(&[0, 1, 3]), format!("{rule} 3 at 2"));
    assert_eq!(text(&[0, 1, 0]), format!("{rule} 0 at 2"));
    assert_eq!(
        text(&[0, 2, 1]),
        "dendrogram: order must be one in which each cluster is a run, got merge 0 apart"
    );
}

#[test]
fn one_sample_is_in_order() {
    let one = Agglomerative::new(Linkage::Average);
    let one = one.fit(MatrixView::from_rows(&[[1.0]])).unwrap();
    let none = CondensedMatrix::<f64>::from_vec(1, vec![]).unwrap();
    assert_eq!(one.optimal_leaf_order(&none).unwrap(), [0]);
    assert_eq!(one.reordered(&[0]).unwrap(), one);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn no_flips_are_better(x in strategies::hostile_matrix(2usize..10, 1usize..4), other: u64) {
        // Trees of other data than the distances: any tree will do.
        let n = x.n_rows();
        let mut rng = purlin_core::rng::Stream::new(other, "tree").rng(0);
        let y = Matrix::from_fn(n, 1, |_, _| rng.normal());
        let distances = Metric::Manhattan.pairwise(x.view()).unwrap();
        for tree in [
            Agglomerative::new(Linkage::Single).fit(y.view()).unwrap(),
            Agglomerative::new(Linkage::Complete).metric(Metric::Manhattan).fit(x.view()).unwrap(),
        ] {
            let order = tree.optimal_leaf_order(&distances).unwrap();
            let (got, expected) = (cost(&order, &distances), brute_force(&tree, &distances));
            prop_assert!((got - expected).abs() <= 1e-12 * expected, "{got}, expected {expected}");
            let again = tree.reordered(&order).unwrap();
            prop_assert_eq!(again.leaf_order(), &order[..]);
            let back = Dendrogram::from_linkage_matrix(again.linkage_matrix().view()).unwrap();
            prop_assert_eq!(&back, &again);
            prop_assert_eq!(again.cut(2.min(n)).unwrap(), tree.cut(2.min(n)).unwrap());
            let distance = again.optimal_leaf_order(&distances).unwrap();
            prop_assert!((cost(&distance, &distances) - got).abs() <= 1e-12 * got);
        }
    }
}
