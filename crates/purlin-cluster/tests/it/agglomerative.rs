//! Hierarchical clustering: known answers, scipy's trees, the definition, the laws, the doors.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use crate::common::{canonical, check_same_bits};
use proptest::prelude::*;
use purlin_cluster::{
    Agglomerative, CondensedMatrix, Dbscan, Dendrogram, Linkage, MemoryBudget, Metric, primitive,
};
use purlin_core::rng::Stream;
use purlin_core::{Matrix, MatrixView, Real};
use purlin_testkit::{check_same_bits_on_threads, reference, strategies};
use serde_json::Value;
use std::collections::BTreeMap;

const LINKAGES: [Linkage; 7] = [
    Linkage::Single,
    Linkage::Complete,
    Linkage::Average,
    Linkage::Weighted,
    Linkage::Ward,
    Linkage::Centroid,
    Linkage::Median,
];

/// Heights against scipy's and the definition's, in units of the greatest: the formulas of Ward,
/// centroid and median subtract squares, and what is left of `n` of them under a root is good to
/// `sqrt(n * 1e-16)` where it should be 0, and to `n * 1e-16` elsewhere.
const HEIGHT_TOL: f64 = 1e-9;

/// A tree that ties its distances in another order than scipy's is replayed on the distances: some
/// hundred sums in double precision, of numbers up to the greatest square.
const REPLAY_TOL: f64 = 1e-12;

/// Where tied distances, taken in another order, give another tree than scipy's, though the jitter
/// of the reference did not meet that order. It is valid as well: see [`replay`].
const OTHER_TIES: [&str; 1] = ["compound, ward, Euclidean"];

fn blobs<T: Real>(n: usize, d: usize, k: usize, seed: u64) -> Matrix<T> {
    let mut rng = Stream::new(seed, "blobs").rng(0);
    let centers: Vec<f64> = (0..k * d).map(|_| rng.uniform_in(-10.0, 10.0)).collect();
    Matrix::from_fn(n, d, |i, j| T::from_f64(centers[i % k * d + j] + rng.normal()))
}

#[test]
fn four_points_on_a_line_merge_as_by_hand() {
    let x = Matrix::from_rows(&[[0.0], [2.0], [6.0], [7.0]]);
    let heights = |linkage| Agglomerative::new(linkage).fit(x.view()).unwrap().heights();
    assert_eq!(heights(Linkage::Single), [1.0, 2.0, 4.0]);
    assert_eq!(heights(Linkage::Complete), [1.0, 2.0, 7.0]);
    assert_eq!(heights(Linkage::Average), [1.0, 2.0, 5.5]);
    assert_eq!(heights(Linkage::Weighted), [1.0, 2.0, 5.5]);
    assert_eq!(heights(Linkage::Centroid), [1.0, 2.0, 5.5]);
    assert_eq!(heights(Linkage::Median), [1.0, 2.0, 5.5]);
    assert_eq!(heights(Linkage::Ward), [1.0, 2.0, 60.5f64.sqrt()]); // 2 * 2 * 2 / 4 * 5.5^2
}

fn linkage(name: &Value) -> Linkage {
    let found = LINKAGES.into_iter().find(|linkage| linkage.to_string() == name.as_str().unwrap());
    found.unwrap()
}

fn metric(name: &Value) -> Metric {
    match name.as_str().unwrap() {
        "euclidean" => Metric::Euclidean,
        "cityblock" => Metric::Manhattan,
        "chebyshev" => Metric::Chebyshev,
        "cosine" => Metric::Cosine,
        other => panic!("no metric {other}"),
    }
}

fn labels(value: &Value) -> Vec<usize> {
    reference::numbers(value).into_iter().map(|label| label as usize).collect()
}

/// The members of each cluster with its height; of tied merges any order.
fn member_sets(tree: &Dendrogram) -> BTreeMap<Vec<usize>, f64> {
    let n = tree.n_samples();
    let mut members: Vec<Vec<usize>> = (0..n).map(|i| vec![i]).collect();
    let mut sets = BTreeMap::new();
    for merge in tree.merges() {
        let mut all = [&members[merge.left][..], &members[merge.right][..]].concat();
        all.sort_unstable();
        sets.insert(all.clone(), merge.dissimilarity);
        members.push(all);
    }
    sets
}

/// Trees where they are unique, heights where rounding cannot change them, cuts where they are
/// stable, cophenetic correlations: as scipy gives them. The cuts and correlations of scipy's own
/// trees are met everywhere.
#[test]
fn reference_trees_are_met() {
    let Some(sets) = crate::common::reference_sets() else { return };
    let (mut n_cases, mut n_trees, mut n_heights, mut n_cuts) = (0, 0, 0, 0);
    let mut other_ties = Vec::new();
    for (name, set) in sets {
        let (n, d) = (set["n"].as_u64().unwrap() as usize, set["d"].as_u64().unwrap() as usize);
        let x = Matrix::from_vec(reference::numbers(&set["X"]), n, d).unwrap();
        for case in set["linkage"].as_array().unwrap() {
            let (linkage, metric) = (linkage(&case["method"]), metric(&case["metric"]));
            let place = format!("{name}, {linkage}, {metric:?}");
            let z = Matrix::from_vec(reference::numbers(&case["Z"]), n - 1, 4).unwrap();
            let scipys = Dendrogram::from_linkage_matrix(z.view()).unwrap();
            let distances = metric.pairwise(x.view()).unwrap();
            let tree = Agglomerative::new(linkage).metric(metric).fit(x.view()).unwrap();
            let precomputed =
                Agglomerative::new(linkage).fit_precomputed(distances.clone()).unwrap();
            assert_eq!(scipys.is_monotone(), case["monotone"].as_bool().unwrap(), "{place}");
            assert!(tree.is_monotone() || !linkage.is_monotone(), "{place}");

            let most = scipys.heights().into_iter().fold(0.0, f64::max);
            let is_close = |a: f64, b: f64| (a - b).abs() <= HEIGHT_TOL * most;
            if case["tree_unique"].as_bool().unwrap() {
                n_trees += 1;
                let expected = member_sets(&scipys);
                for tree in [&tree, &precomputed] {
                    let got = member_sets(tree);
                    assert!(got.keys().eq(expected.keys()), "{place}: other clusters");
                    for (got, expected) in got.values().zip(expected.values()) {
                        assert!(is_close(*got, *expected), "{place}: {got}, expected {expected}");
                    }
                }
            }
            if case["height_change_under_jitter_1e-9"].as_f64().unwrap() < 1e-6 {
                n_heights += 1;
                let sorted = |tree: &Dendrogram| {
                    let mut heights = tree.heights();
                    heights.sort_by(f64::total_cmp);
                    heights
                };
                let expected = sorted(&scipys);
                let is_unique = case["tree_unique"].as_bool().unwrap();
                for tree in [&tree, &precomputed] {
                    let got = sorted(tree);
                    if !got.iter().zip(&expected).all(|(&got, &expected)| is_close(got, expected)) {
                        // Tied distances in another order: then each merge is a nearest pair.
                        assert!(!is_unique, "{place}: {got:?}, expected {expected:?}");
                        replay(linkage, &distances, tree, REPLAY_TOL);
                        other_ties.push(place.clone());
                    }
                }
            }
            for cut in case["cuts_by_count"].as_array().unwrap() {
                let (k, expected) = (cut["k"].as_u64().unwrap() as usize, labels(&cut["labels"]));
                assert_eq!(scipys.cut_at_most(k).unwrap(), expected, "{place}, k = {k}");
                if cut["stable"].as_bool().unwrap() {
                    n_cuts += 1;
                    if tree.cut_at_most(k).unwrap() != expected {
                        assert!(!case["tree_unique"].as_bool().unwrap(), "{place}, k = {k}");
                        replay(linkage, &distances, &tree, REPLAY_TOL);
                        other_ties.push(place.clone());
                    }
                }
            }
            for cut in case["cuts_by_height"].as_array().unwrap() {
                let (height, expected) = (cut["height"].as_f64().unwrap(), labels(&cut["labels"]));
                assert_eq!(scipys.cut_height(height), expected, "{place}, height {height}");
            }
            if let Some(expected) = case["cophenetic_correlation"].as_f64() {
                let got = scipys.cophenetic_correlation(&distances).unwrap().unwrap();
                assert!((got - expected).abs() <= 1e-10, "{place}: {got}, expected {expected}");
            }
            n_cases += 1;
        }
    }
    assert_eq!((n_cases, n_trees, n_heights), (132, 86, 103));
    assert!(n_cuts > 300, "{n_cuts} cuts");
    other_ties.dedup();
    assert_eq!(other_ties, OTHER_TIES);
}

/// Replays a tree on the distances: each merge must be of two clusters that are nearest, and its
/// height their distance, but for rounding.
fn replay(linkage: Linkage, distances: &CondensedMatrix<f64>, tree: &Dendrogram, tol: f64) {
    let n = tree.n_samples();
    let is_squared = linkage.is_euclidean();
    let mut clusters: Vec<Option<Vec<usize>>> = (0..n).map(|i| Some(vec![i])).collect();
    let mut unlike: BTreeMap<(usize, usize), f64> = BTreeMap::new();
    for j in 0..n {
        for i in 0..j {
            let distance = distances.get(i, j);
            unlike.insert((i, j), if is_squared { distance * distance } else { distance });
        }
    }
    let most = distances.as_slice().iter().fold(0.0, |most: f64, &x| most.max(x));
    // Squares are off by so much of the greatest; a height is compared as a square where it is one.
    let scale = if is_squared { most * most } else { most };
    let tol = tol * scale + f64::MIN_POSITIVE;
    for (merge, new) in tree.merges().iter().zip(n..) {
        let (left, right) = (merge.left, merge.right);
        let least = unlike.values().fold(f64::INFINITY, |least, &x| least.min(x));
        let own = unlike[&(left, right)];
        let height = if is_squared { merge.dissimilarity.powi(2) } else { merge.dissimilarity };
        assert!(own - least <= tol, "{linkage}: merged at {own}, least is {least}");
        assert!((own - height).abs() <= tol, "{linkage}: height {height}, expected {own}");
        let (a, b) = (clusters[left].take().unwrap(), clusters[right].take().unwrap());
        let (n_a, n_b) = (a.len() as f64, b.len() as f64);
        assert_eq!(merge.size, a.len() + b.len());
        unlike.remove(&(left, right));
        for (x, members) in clusters.iter().enumerate() {
            let Some(members) = members else { continue };
            let n_x = members.len() as f64;
            let mut take = |c: usize| unlike.remove(&(c.min(x), c.max(x))).unwrap();
            let (ax, bx) = (take(left), take(right));
            let value = match linkage {
                Linkage::Single => ax.min(bx),
                Linkage::Complete => ax.max(bx),
                Linkage::Average => (n_a * ax + n_b * bx) / (n_a + n_b),
                Linkage::Weighted => ax.midpoint(bx),
                Linkage::Ward => {
                    ((n_a + n_x) * ax + (n_b + n_x) * bx - n_x * own) / (n_a + n_b + n_x)
                }
                Linkage::Centroid => {
                    let n = n_a + n_b;
                    (n_a * ax + n_b * bx) / n - n_a * n_b * own / (n * n)
                }
                Linkage::Median => ax.midpoint(bx) - own / 4.0,
            };
            unlike.insert((x, new), value);
        }
        clusters.push(Some([a, b].concat()));
    }
}

/// The chain of nearest neighbours as it is told: every step looks at all clusters, of equals the
/// one before in the chain wins, then the first. The clusters with their heights.
fn plain_chain<T: Real>(
    linkage: Linkage,
    distances: &CondensedMatrix<T>,
) -> BTreeMap<Vec<usize>, f64> {
    let n = distances.n();
    let of = |i: usize, j: usize| distances.get(i, j);
    let square = |x: T| if linkage == Linkage::Ward { x * x } else { x };
    let mut unlike: Vec<Vec<T>> =
        (0..n).map(|i| (0..n).map(|j| square(of(i, j))).collect()).collect();
    let mut members: Vec<Vec<usize>> = (0..n).map(|i| vec![i]).collect();
    let mut heights = vec![0.0f64; n];
    let mut left: Vec<usize> = (0..n).collect();
    let mut chain: Vec<usize> = Vec::new();
    let mut sets = BTreeMap::new();
    while left.len() > 1 {
        let top = *chain.last().unwrap_or(&left[0]);
        if chain.is_empty() {
            chain.push(top);
        }
        let before = chain.len().checked_sub(2).map(|place| chain[place]);
        let mut nearest = before;
        for &x in left.iter().filter(|&&x| x != top) {
            if nearest.is_none_or(|nearest| unlike[top][x] < unlike[top][nearest]) {
                nearest = Some(x);
            }
        }
        let nearest = nearest.unwrap();
        if Some(nearest) != before {
            match chain.iter().position(|&x| x == nearest) {
                Some(place) => chain.truncate(place + 1),
                None => chain.push(nearest),
            }
            continue;
        }
        chain.truncate(chain.len() - 2);
        let (a, b) = (top.min(nearest), top.max(nearest));
        left.retain(|&x| x != b);
        let (n_a, n_b) = (members[a].len() as f64, members[b].len() as f64);
        let ab = unlike[a][b].to_f64();
        for &x in left.iter().filter(|&&x| x != a) {
            let (ax, bx) = (unlike[a][x].to_f64(), unlike[b][x].to_f64());
            let n_x = members[x].len() as f64;
            let new = T::from_f64(match linkage {
                Linkage::Complete => ax.max(bx),
                Linkage::Average => (n_a * ax + n_b * bx) / (n_a + n_b),
                Linkage::Weighted => 0.5 * ax + 0.5 * bx,
                _ => {
                    let sum = (n_a + n_x) * ax + (n_b + n_x) * bx - n_x * ab;
                    (sum / (n_a + n_b + n_x)).max(0.0)
                }
            });
            (unlike[a][x], unlike[x][a]) = (new, new);
        }
        let height = if linkage == Linkage::Ward { ab.sqrt() } else { ab };
        heights[a] = height.max(heights[a]).max(heights[b]);
        let taken = std::mem::take(&mut members[b]);
        members[a].extend(taken);
        members[a].sort_unstable();
        sets.insert(members[a].clone(), heights[a]);
    }
    sets
}

fn check_chain<T: Real>(x: MatrixView<'_, T>) {
    let distances = Metric::Euclidean.pairwise(x).unwrap();
    for linkage in [Linkage::Complete, Linkage::Average, Linkage::Weighted, Linkage::Ward] {
        let expected = plain_chain(linkage, &distances);
        let tree = Agglomerative::new(linkage).fit_precomputed(distances.clone()).unwrap();
        assert!(member_sets(&tree) == expected, "{linkage}: other clusters or heights");
        if linkage != Linkage::Ward {
            assert_eq!(tree, Agglomerative::new(linkage).fit(x).unwrap(), "{linkage}");
        }
    }
}

/// Neighbours are remembered, rows searched when they must be, empty slots dropped: and still each
/// step is the one that a search of all clusters takes, ties included.
#[test]
fn remembered_neighbors_change_no_bit_of_the_chain() {
    let mut rng = Stream::new(11, "lattice").rng(0);
    let lattice = Matrix::from_fn(300, 2, |_, _| rng.uniform_in(0.0, 9.0).floor());
    check_chain(lattice.view());
    check_chain(lattice.cast::<f32>().view());
    check_chain(blobs::<f64>(333, 3, 5, 12).view());
    check_chain(blobs::<f32>(270, 3, 5, 13).view());
}

/// Everything of a tree.
fn words(tree: &Dendrogram) -> Vec<f64> {
    tree.linkage_matrix().into_vec()
}

#[test]
fn threads_and_instruction_sets_do_not_change_a_bit() {
    let (x, y) = (blobs::<f32>(700, 7, 6, 5), blobs::<f64>(500, 5, 4, 6));
    for linkage in LINKAGES {
        let fit = || {
            let agglomerative = Agglomerative::new(linkage);
            let (x, y) = (agglomerative.fit(x.view()), agglomerative.fit(y.view()));
            (words(&x.unwrap()), words(&y.unwrap()))
        };
        check_same_bits(fit);
    }
    // Large enough for several tasks in each step of the spanning tree and of the chain.
    let wide = blobs::<f32>(2500, 120, 6, 5);
    for linkage in [Linkage::Single, Linkage::Ward] {
        let fit = || words(&Agglomerative::new(linkage).fit(wide.view()).unwrap());
        check_same_bits_on_threads(fit);
    }
}

/// A million samples on a line: a chain, as deep as there are samples.
#[test]
fn a_long_chain_overflows_no_stack() {
    let n = 1_000_000;
    let x = Matrix::from_fn(n, 1, |i, _| i as f64 * (i as f64));
    let tree = Agglomerative::new(Linkage::Single).fit(x.view()).unwrap();
    let expected: Vec<f64> = (0..n - 1).map(|i| (2 * i + 1) as f64).collect();
    assert_eq!(tree.heights(), expected);
    assert_eq!(tree.cut(2).unwrap().iter().filter(|&&label| label == 1).count(), 1);
    assert_eq!(tree.leaf_order().len(), n);
}

#[test]
fn single_precision_is_near_double() {
    let x = blobs::<f64>(300, 4, 5, 9);
    let narrow = x.cast::<f32>();
    for linkage in LINKAGES {
        let wide = Agglomerative::new(linkage).fit(narrow.cast::<f64>().view()).unwrap();
        let narrow = Agglomerative::new(linkage).fit(narrow.view()).unwrap();
        let top = |tree: &Dendrogram| tree.merges().last().unwrap().dissimilarity;
        assert!((top(&wide) - top(&narrow)).abs() <= 1e-4 * top(&wide), "{linkage}");
        assert_eq!(wide.cut(5).unwrap(), narrow.cut(5).unwrap(), "{linkage}");
    }
}

#[test]
fn one_sample_has_no_merges_and_two_have_one() {
    for linkage in LINKAGES {
        let agglomerative = Agglomerative::new(linkage);
        let one = agglomerative.fit(MatrixView::from_rows(&[[1.0, 2.0]])).unwrap();
        assert_eq!((one.n_samples(), one.merges().len()), (1, 0));
        assert_eq!(one.cut(1).unwrap(), [0]);
        assert_eq!(one.leaf_order(), [0]);
        let two = agglomerative.fit(MatrixView::from_rows(&[[0.0, 0.0], [3.0, 4.0]])).unwrap();
        assert_eq!(two.heights(), [5.0], "{linkage}");
        let equal = agglomerative.fit(MatrixView::from_rows(&[[1.0, 2.0]; 9])).unwrap();
        assert_eq!(equal.heights(), [0.0; 8], "{linkage}");
        let none = CondensedMatrix::<f64>::from_vec(0, vec![]).unwrap();
        let err = agglomerative.fit_precomputed(none).unwrap_err();
        assert_eq!(err.to_string(), "agglomerative: expected at least 1 samples, got 0");
    }
}

#[test]
fn bad_input_is_refused_with_its_numbers() {
    let x = blobs::<f64>(200, 2, 3, 1);
    let text = |agglomerative: Agglomerative, x: MatrixView<'_, f64>| {
        agglomerative.fit(x).unwrap_err().to_string()
    };
    let small = MemoryBudget::new(1000);
    assert_eq!(
        text(Agglomerative::new(Linkage::Complete).memory(small), x.view()),
        "agglomerative: the distance matrix (ways out: a larger memory, LinearMemory with 134400 \
         bytes) needs 175200 bytes, allowed are 1000"
    );
    assert_eq!(
        text(Agglomerative::new(Linkage::Single).memory(small), x.view()),
        "agglomerative: the copy of the samples needs 64000 bytes, allowed are 1000"
    );
    assert_eq!(
        text(Agglomerative::new(Linkage::Ward).memory(small), x.view()),
        "agglomerative: the centroids needs 19200 bytes, allowed are 1000"
    );
    assert_eq!(
        text(Agglomerative::new(Linkage::Ward).metric(Metric::Manhattan), x.view()),
        "agglomerative: metric must be Euclidean for ward linkage, got Manhattan"
    );
    let average = || Agglomerative::new(Linkage::Average);
    assert_eq!(
        text(average().metric(Metric::Minkowski(f64::NAN)), x.view()),
        "agglomerative: p must be finite and at least 1, got NaN"
    );
    let none = MatrixView::from_slice(&[], usize::MAX, 0).unwrap();
    assert_eq!(text(average(), none), "agglomerative: expected x with at least 1 column, got 0");
    let empty = MatrixView::from_slice(&[], 0, 3).unwrap();
    assert_eq!(text(average(), empty), "agglomerative: expected at least 1 samples, got 0");
    let nan = Matrix::from_rows(&[[1.0, 2.0], [f64::NAN, 1.0]]);
    assert_eq!(
        text(average(), nan.view()),
        "agglomerative: x must be finite, got NaN at row 1, column 0"
    );
    let huge = Matrix::from_rows(&[[1e300, 0.0], [-1e300, 0.0]]);
    for linkage in LINKAGES {
        let text = text(Agglomerative::new(linkage), huge.view());
        assert!(text.contains("so that squared distances are finite"), "{text}");
        let far = CondensedMatrix::from_vec(2, vec![f64::INFINITY]).unwrap();
        let err = Agglomerative::new(linkage).fit_precomputed(far).unwrap_err();
        assert_eq!(err.to_string(), "agglomerative: distances must be finite, got inf");
    }
    let top = Matrix::from_rows(&[[f64::MAX], [-f64::MAX]]);
    for linkage in [Linkage::Single, Linkage::Average] {
        let by_blocks = Agglomerative::new(linkage).metric(Metric::Manhattan);
        assert!(text(by_blocks, top.view()).contains("finite"));
    }
    let large = CondensedMatrix::from_vec(2, vec![1e200]).unwrap();
    let err = primitive(Linkage::Ward, large).unwrap_err();
    assert!(err.to_string().contains("for ward linkage of 2 samples, got 1"), "{err}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]

    /// From vectors, from distances and by definition: valid trees, and where the algorithm takes
    /// pairs as the definition does, its bits.
    #[test]
    fn every_algorithm_follows_the_definition(x in strategies::hostile_matrix(1usize..26, 1usize..4)) {
        let distances = Metric::Euclidean.pairwise(x.view()).unwrap();
        for linkage in LINKAGES {
            let naive = primitive(linkage, distances.clone()).unwrap();
            replay(linkage, &distances, &naive, HEIGHT_TOL);
            let agglomerative = Agglomerative::new(linkage);
            let from_distances = agglomerative.fit_precomputed(distances.clone()).unwrap();
            replay(linkage, &distances, &from_distances, HEIGHT_TOL);
            replay(linkage, &distances, &agglomerative.fit(x.view()).unwrap(), HEIGHT_TOL);
            if !linkage.is_monotone() {
                prop_assert_eq!(&naive, &from_distances);
            }
            if linkage == Linkage::Single {
                prop_assert_eq!(naive.heights(), from_distances.heights());
            }
        }
    }

    #[test]
    fn remembered_neighbors_change_no_bit(x in strategies::hostile_matrix(1usize..90, 1usize..4)) {
        check_chain(x.view());
    }

    /// A cut of single linkage is DBSCAN where every sample is a core: at heights of the tree, just
    /// below them and above all.
    #[test]
    fn a_cut_of_single_linkage_is_dbscan(x in strategies::hostile_matrix(2usize..60, 1usize..5)) {
        for metric in [Metric::Euclidean, Metric::Manhattan, Metric::Chebyshev] {
            let tree = Agglomerative::new(Linkage::Single).metric(metric.clone()).fit(x.view());
            let tree = tree.unwrap();
            let (heights, n) = (tree.heights(), x.n_rows());
            let picked = [0, n / 4, n / 2, n - 2].map(|i| heights[i.min(n - 2)]);
            let eps = picked.into_iter().flat_map(|height| [height, height.next_down(), 1.5 * height]);
            for eps in eps.filter(|&eps| eps > 0.0) {
                let dbscan = Dbscan::new(eps, 1).metric(metric.clone()).fit(x.view()).unwrap();
                let cut = canonical(tree.cut_height(eps).into_iter().map(Some));
                prop_assert_eq!(dbscan.labels(), cut, "{} of {:?}", eps, heights);
            }
        }
    }

    /// Single linkage is the minimum spanning tree: its heights are the edges that Kruskal takes,
    /// and those of the distances, to the bit.
    #[test]
    fn single_linkage_is_the_spanning_tree(x in strategies::hostile_matrix(2usize..60, 1usize..5)) {
        for metric in [
            Metric::Euclidean, Metric::Manhattan, Metric::Cosine, Metric::Correlation,
            Metric::Minkowski(3.0),
        ] {
            let distances = metric.pairwise(x.view()).unwrap();
            let tree = Agglomerative::new(Linkage::Single).metric(metric).fit(x.view()).unwrap();
            let n = x.n_rows();
            let mut edges: Vec<(f64, usize, usize)> = (0..n)
                .flat_map(|i| (i + 1..n).map(move |j| (i, j)))
                .map(|(i, j)| (distances.get(i, j), i, j))
                .collect();
            edges.sort_by(|a, b| a.0.total_cmp(&b.0));
            let mut groups: Vec<usize> = (0..n).collect();
            let mut heights = Vec::new();
            for (weight, i, j) in edges {
                let (a, b) = (groups[i], groups[j]);
                if a != b {
                    heights.push(weight);
                    groups.iter_mut().filter(|group| **group == b).for_each(|group| *group = a);
                }
            }
            prop_assert_eq!(tree.heights(), heights);
        }
    }

    /// Twice as large is twice as high, to the bit; another order of the rows gives the same tree
    /// where no distances tie.
    #[test]
    fn scale_and_order_do_not_matter(seed: u64) {
        let x = blobs::<f64>(40, 3, 3, seed);
        let backwards: Vec<usize> = (0..40).rev().collect();
        for linkage in LINKAGES {
            let fit = |x: MatrixView<'_, f64>| Agglomerative::new(linkage).fit(x).unwrap();
            let tree = fit(x.view());
            let double = fit(x.map(|v| 2.0 * v).view());
            prop_assert_eq!(tree.cut(7).unwrap(), double.cut(7).unwrap());
            for (one, two) in tree.heights().into_iter().zip(double.heights()) {
                prop_assert_eq!(2.0 * one, two);
            }
            let sets = member_sets(&fit(x.view().select_rows(&backwards).view()));
            let turn = |set: &Vec<usize>| set.iter().rev().map(|i| 39 - i).collect::<Vec<_>>();
            for (set, height) in member_sets(&tree) {
                let other = sets.get(&turn(&set));
                prop_assert!(other.is_some_and(|h| (h - height).abs() <= HEIGHT_TOL * height));
            }
        }
    }
}
