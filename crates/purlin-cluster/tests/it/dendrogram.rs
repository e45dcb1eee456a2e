//! Dendrograms: known answers, deep trees, the doors, the laws.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use proptest::prelude::*;
use purlin_cluster::{Agglomerative, Dendrogram, Linkage, MemoryBudget, Metric};
use purlin_core::{Matrix, MatrixView};
use purlin_testkit::strategies;

fn tree(z: &[[f64; 4]]) -> Dendrogram {
    Dendrogram::from_linkage_matrix(MatrixView::from_rows(z)).unwrap()
}

/// Two pairs and a fifth sample; the last merge but one lies below its part.
fn inverted() -> Dendrogram {
    tree(&[[0.0, 1.0, 2.0, 2.0], [2.0, 3.0, 1.0, 2.0], [4.0, 5.0, 1.5, 3.0], [6.0, 7.0, 4.0, 5.0]])
}

#[test]
fn inversions_are_counted_and_cut_with_their_parts() {
    let tree = inverted();
    assert_eq!((tree.n_inversions(), tree.is_monotone()), (1, false));
    // At 1.5 the merge with sample 4 would happen, but its part is higher.
    assert_eq!(tree.cut_height(1.5), [0, 1, 2, 2, 3]);
    assert_eq!(tree.cut_height(2.0), [0, 0, 1, 1, 0]);
    assert_eq!(tree.cut_height(f64::NAN), [0, 1, 2, 3, 4]);
    assert_eq!(tree.cut_at_most(3).unwrap(), [0, 0, 1, 1, 0]); // 3 clusters do not occur
    assert_eq!(tree.cut(3).unwrap(), [0, 0, 1, 1, 2]);
    assert_eq!(tree.cut(5).unwrap(), [0, 1, 2, 3, 4]);
    assert_eq!(tree.cut_at_most(9).unwrap(), [0, 1, 2, 3, 4]);
    assert_eq!(
        tree.newick(&["a", "b", "c", "d", "e"]).unwrap(),
        "((c:1,d:1):3,(e:1.5,(a:2,b:2):-0.5):2.5);"
    );
}

#[test]
fn inconsistency_looks_as_deep_as_it_is_told() {
    let tree = inverted();
    let rows = tree.inconsistency(2).unwrap();
    assert_eq!(rows[0].n_links, 1);
    assert_eq!((rows[0].std, rows[0].coefficient), (0.0, 0.0));
    assert!(rows[3].n_links == 3 && (rows[3].mean - 6.5 / 3.0).abs() < 1e-15);
    assert_eq!(tree.inconsistency(1).unwrap()[3].n_links, 1);
    assert_eq!(tree.inconsistency(3).unwrap()[3].n_links, 4);
    let all = tree.cut_inconsistency(2.0, 2).unwrap();
    assert_eq!(all, [0; 5]);
    assert_eq!(tree.cut_inconsistency(1.0, 2).unwrap(), [0, 0, 1, 1, 0]);
}

/// A million samples, one after the other: every walk is a loop.
#[test]
fn a_chain_of_a_million_overflows_no_stack() {
    let n = 1_000_000;
    let z = Matrix::from_fn(n - 1, 4, |i, j| match j {
        0 => {
            if i == 0 {
                0.0
            } else {
                i as f64 + 1.0
            }
        }
        1 => {
            if i == 0 {
                1.0
            } else {
                (n + i - 1) as f64
            }
        }
        2 => i as f64,
        _ => i as f64 + 2.0,
    });
    let tree = Dendrogram::from_linkage_matrix(z.view()).unwrap();
    assert!(tree.is_monotone());
    assert_eq!(tree.cut_height(10.5).iter().max(), Some(&(n - 12)));
    assert_eq!(tree.cut(2).unwrap()[n - 1], 1);
    assert_eq!(tree.cut_at_most(2).unwrap()[n - 1], 1);
    assert_eq!(tree.leaf_order()[0], n - 1);
    assert_eq!(tree.inconsistency(4).unwrap()[n - 2].n_links, 4);
    assert_eq!(tree.cophenetic_distance(0, n - 1), (n - 2) as f64);
    let names = vec!["x"; n];
    assert_eq!(tree.newick(&names).unwrap().matches('(').count(), n - 1);
    assert_eq!(tree.linkage_matrix(), z);
}

#[test]
fn bad_input_is_refused_with_its_numbers() {
    let text = |z: &[[f64; 4]]| {
        Dendrogram::from_linkage_matrix(MatrixView::from_rows(z)).unwrap_err().to_string()
    };
    let first = [0.0, 1.0, 1.0, 2.0];
    let of = "dendrogram: linkage matrix must be of ";
    assert_eq!(text(&[[0.0, 2.0, 1.0, 2.0]]), format!("{of}clusters below 2, got 2 in row 0"));
    assert_eq!(text(&[[0.0, 0.5, 1.0, 2.0]]), format!("{of}clusters below 2, got 0.5 in row 0"));
    assert_eq!(
        text(&[first, [1.0, 3.0, 1.0, 3.0]]),
        format!("{of}clusters that are merged once, got 1 in row 1")
    );
    assert_eq!(
        text(&[[0.0, 1.0, -1.0, 2.0]]),
        format!("{of}heights of at least 0, got -1 in row 0")
    );
    assert_eq!(text(&[[0.0, 1.0, 1.0, 3.0]]), format!("{of}sizes that add up, 2, got 3 in row 0"));
    assert!(text(&[[0.0, 1.0, f64::NAN, 2.0]]).contains("got NaN at row 0, column 2"));
    let narrow = MatrixView::from_rows(&[[0.0, 1.0, 1.0]]);
    let err = Dendrogram::from_linkage_matrix(narrow).unwrap_err();
    assert_eq!(err.to_string(), "dendrogram: expected a linkage matrix with 4 columns, got 3");

    let tree = inverted();
    let err = tree.cut(0).unwrap_err();
    assert_eq!(err.to_string(), "dendrogram: n_clusters must be at least 1, got 0");
    assert_eq!(tree.cut_at_most(0).unwrap_err().to_string(), err.to_string());
    let err = tree.cut(6).unwrap_err();
    assert_eq!(err.to_string(), "dendrogram: expected at least 6 samples, got 5");
    let err = tree.inconsistency(0).unwrap_err();
    assert_eq!(err.to_string(), "dendrogram: depth must be at least 1, got 0");
    let err = tree.newick(&["a"]).unwrap_err();
    assert_eq!(err.to_string(), "dendrogram: expected 5 names, got 1");
    let err = tree.cophenetic(MemoryBudget::new(79)).unwrap_err();
    assert_eq!(
        err.to_string(),
        "dendrogram: the matrix of cophenetic distances needs 80 bytes, allowed are 79"
    );
    let other = Metric::Euclidean.pairwise(MatrixView::from_rows(&[[0.0], [1.0]])).unwrap();
    let err = tree.cophenetic_correlation(&other).unwrap_err();
    assert_eq!(err.to_string(), "dendrogram: expected distances of 5 samples, got 2");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn a_tree_and_its_cuts_agree(x in strategies::hostile_matrix(1usize..30, 1usize..4), average: bool) {
        let linkage = if average { Linkage::Average } else { Linkage::Median };
        let tree = Agglomerative::new(linkage).fit(x.view()).unwrap();
        let n = x.n_rows();
        prop_assert_eq!(&Dendrogram::from_linkage_matrix(tree.linkage_matrix().view()).unwrap(), &tree);
        let mut order = tree.leaf_order();
        order.sort_unstable();
        prop_assert!(order.into_iter().eq(0..n));
        for k in 1..=n {
            let labels = tree.cut(k).unwrap();
            prop_assert_eq!(labels.iter().max(), Some(&(k - 1)));
            prop_assert!(tree.cut_at_most(k).unwrap().into_iter().max() < Some(k));
        }
        let met = tree.cophenetic(MemoryBudget::default()).unwrap();
        for (i, j) in (0..n).flat_map(|i| (0..n).map(move |j| (i, j))) {
            prop_assert_eq!(met.get(i, j), tree.cophenetic_distance(i, j));
        }
        if tree.is_monotone() && n > 1 {
            let height = tree.heights()[(n - 1) / 2];
            let labels = tree.cut_height(height);
            for (i, j) in (0..n).flat_map(|i| (0..n).map(move |j| (i, j))) {
                prop_assert_eq!(labels[i] == labels[j], met.get(i, j) <= height);
            }
        }
    }
}
