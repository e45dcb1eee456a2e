//! What must not change a partition.

use super::{Labels, assert_same_partition, guard, labels_of};
use purlin_cluster::Clusterer;
use purlin_core::rng::Stream;
use purlin_core::{Matrix, MatrixView, Real};

/// Law: the rows in another order form the same clusters, which may have other numbers.
///
/// Hold an algorithm to it that claims so: one that starts at random rows need not, unless `x` has
/// but one answer, as [`three_groups`](crate::three_groups) has.
///
/// # Panics
///
/// When a row is in another cluster, or the algorithm refuses the table.
///
/// # Examples
///
/// ```
/// use purlin_cluster::Dbscan;
/// use purlin_testkit::{check_permutation, three_groups};
///
/// check_permutation(&Dbscan::new(0.5, 4), three_groups::<f64>(300, 2).view());
/// ```
#[track_caller]
pub fn check_permutation<T: Real, C: Clusterer<T>>(algorithm: &C, x: MatrixView<'_, T>) {
    let n = x.n_rows();
    let expected = labels("the rows as they are", algorithm, x);
    let mut orders = vec![(0..n).rev().collect::<Vec<_>>()];
    for i in 0..3 {
        orders.push(Stream::new(i, "permutation check").rng(0).permutation(n));
    }
    for order in orders {
        let moved = x.select_rows(&order);
        let found = labels("the rows in another order", algorithm, moved.view());
        let mut back = vec![None; n];
        for (label, &row) in found.into_iter().zip(&order) {
            back[row] = label;
        }
        assert_same_partition("rows in another order, the same clusters", &back, &expected);
    }
}

/// Law: moving, scaling and turning a table of groups far apart leaves the clusters.
///
/// `at_scale(s)` is the algorithm for a table that is `s` times as large: what is a distance among
/// its parameters is `s` times as large too. Rotation is left out in one dimension.
///
/// Ask it of algorithms with Euclidean distances and of tables whose clusters are not a matter of
/// rounding.
///
/// # Panics
///
/// When a row is in another cluster, or the algorithm refuses a table.
///
/// # Examples
///
/// ```
/// use purlin_cluster::{Dbscan, KMeans};
/// use purlin_testkit::{check_invariance, three_groups};
///
/// let x = three_groups::<f64>(300, 3);
/// check_invariance(x.view(), |_| KMeans::new(3).seed(1));
/// check_invariance(x.view(), |scale| Dbscan::new(0.7 * scale, 4));
/// ```
#[track_caller]
pub fn check_invariance<T: Real, C: Clusterer<T>>(
    x: MatrixView<'_, T>,
    at_scale: impl Fn(f64) -> C,
) {
    let expected = labels("the table as it is", &at_scale(1.0), x);
    let check = |law: &str, table: &Matrix<T>, scale: f64| {
        let found = labels(law, &at_scale(scale), table.view());
        assert_same_partition(law, &found, &expected);
    };
    let table = x.to_matrix();
    // So far that single precision would not see the groups any more.
    let far = if T::EPSILON.to_f64() < 1e-10 { 1e8 } else { 1024.0 };
    for by in [100.0, -4096.0, far] {
        check("a table moved, the same clusters", &table.map(|v| v + T::from_f64(by)), 1.0);
    }
    for scale in [2f64.powi(-40), 1.0 / 1024.0, 0.3, 7.0, 4096.0, 2f64.powi(40)] {
        let law = "a table scaled, the same clusters";
        check(law, &table.map(|v| T::from_f64(v.to_f64() * scale)), scale);
    }
    if x.n_cols() > 1 {
        check("a table turned, the same clusters", &turned(x), 1.0);
    }
}

#[track_caller]
fn labels<T: Real, C: Clusterer<T>>(what: &str, algorithm: &C, x: MatrixView<'_, T>) -> Labels {
    let model = guard(what, || algorithm.fit(x));
    let model = model.unwrap_or_else(|err| panic!("law of clusterings: {what} is accepted: {err}"));
    labels_of(what, &model, x.shape())
}

/// Turned by `atan(3/4)` in the plane of each pair of neighbouring columns: sine and cosine are
/// 0.6 and 0.8.
fn turned<T: Real>(x: MatrixView<'_, T>) -> Matrix<T> {
    let mut rows = x.cast::<f64>();
    for i in 0..rows.n_rows() {
        let row = rows.row_mut(i);
        for j in 1..row.len() {
            let (a, b) = (row[j - 1], row[j]);
            row[j - 1] = 0.8 * a - 0.6 * b;
            row[j] = 0.6 * a + 0.8 * b;
        }
    }
    rows.cast()
}
