//! The laws of clusterings hold for an honest algorithm, and broken ones are caught by name.
#![cfg(feature = "cluster")]

use purlin_cluster::{
    Agglomerative, Clusterer, Clustering, KMeans, KMeansModel, Linkage, Merge, Metric, Predict,
};
use purlin_core::{Error, Matrix, MatrixView, Result};
use purlin_testkit::{
    ClustererCheck, check_dendrogram, check_invariance, check_permutation, check_predict,
    check_weights, three_groups,
};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

/// What goes wrong.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Fault {
    None,
    /// One label too many.
    Length,
    /// A label that is no cluster.
    Range,
    /// NaN is a number like any other.
    Nan,
    /// The wrong column.
    Column,
    Empty,
    /// Takes rows without columns.
    NoColumn,
    /// One column too many.
    Width,
    /// Panics on few rows.
    Short,
    /// An error that asks for too few rows.
    Count,
    /// An error that asks for one more row each time.
    Enough,
    /// An error without the operation.
    Name,
    /// Panics where all rows are equal.
    EqualRows,
    /// NaN for the centroids of rows on a line.
    Numbers,
    /// More clusters than rows where they are on a line.
    Many,
    /// The wrong kind of error for numbers whose squares overflow.
    Kind,
    /// Refuses whatever lies far from 0.
    Offset,
    /// Other labels each time.
    Chance,
    /// Looks at what lies between the rows.
    Strides,
    /// Another label from the fourth fit of the whole table on: the one that is "again".
    Again,
    /// One more cluster for each thread.
    Threads,
    /// Another label from the tenth fit of the whole table on: after the first instruction set.
    Isas,
    /// Looks at the first row of the table only.
    Order,
    /// Compares with a number of its own.
    Origin,
    /// Compares the extent of a column with a number of its own.
    Scale,
    /// Compares the extents of columns.
    Axes,
    /// `predict` numbers the clusters otherwise.
    Predict,
    /// `predict` looks at the first rows it has.
    Crowd,
    /// `predict` ignores the number of columns.
    Features,
    /// `predict` takes NaN for 0.
    PredictNan,
    /// Weights are not looked at.
    Weights,
    /// Weights are not checked.
    WeightRules,
}

/// k-means into 3 clusters that goes wrong on request.
struct Broken {
    fault: Fault,
    calls: AtomicUsize,
    /// Of tables with more rows than the hostile ones.
    long_fits: AtomicUsize,
}

struct Model {
    kmeans: KMeansModel<f64>,
    labels: Vec<Option<usize>>,
    n_features: usize,
    fault: Fault,
    is_line: bool,
}

impl Broken {
    fn new(fault: Fault) -> Self {
        Self { fault, calls: AtomicUsize::new(0), long_fits: AtomicUsize::new(0) }
    }
}

impl Clusterer<f64> for Broken {
    type Model = Model;

    fn name(&self) -> &'static str {
        if self.fault == Fault::Name { "broken" } else { "kmeans" }
    }

    fn fit(&self, x: MatrixView<'_, f64>) -> Result<Model> {
        let (n, fault) = (x.n_rows(), self.fault);
        let call = self.calls.fetch_add(1, Relaxed);
        let kmeans = KMeans::new(3);
        let is_above = |limit: f64| x.rows().flatten().any(|v| v.is_finite() && v.abs() > limit);
        let result = match fault {
            Fault::Nan => {
                kmeans.fit(x.to_matrix().map(|v| if v.is_nan() { 0.0 } else { v }).view())
            }
            Fault::Column => kmeans.fit(x).map_err(|err| match err {
                Error::NonFinite { op, name, value, row, .. } => {
                    Error::NonFinite { op, name, value, row, column: 0 }
                }
                err => err,
            }),
            Fault::Empty if n == 0 => kmeans.fit(three_groups(3, 3).view()),
            Fault::NoColumn if x.n_cols() == 0 => kmeans.fit(three_groups(n.max(3), 3).view()),
            Fault::Short => {
                assert!(n > 2 || n == 0, "index out of bounds");
                kmeans.fit(x)
            }
            Fault::Count if n == 2 => {
                Err(Error::TooFewSamples { op: "kmeans", expected: 2, got: 2 })
            }
            Fault::Enough if n < 5 => {
                Err(Error::TooFewSamples { op: "kmeans", expected: n + 1, got: n })
            }
            Fault::EqualRows if n > 1 && x.n_cols() > 0 && x.rows().all(|row| row == x.row(0)) => {
                panic!("attempt to divide by zero")
            }
            Fault::Kind if is_above(1e200) => Err(Error::NonFinite {
                op: "kmeans",
                name: "inertia",
                value: f64::INFINITY,
                row: 0,
                column: 0,
            }),
            Fault::Offset if is_above(1e6) => Err(Error::param("kmeans", "x", "near 0", 1e8)),
            _ => kmeans.fit(x),
        };
        let kmeans = result?;
        let fit = if n > 60 { self.long_fits.fetch_add(1, Relaxed) } else { 0 };
        let mut labels: Vec<Option<usize>> = kmeans.labels().iter().copied().map(Some).collect();
        match fault {
            Fault::Length => labels.push(None),
            Fault::Empty if n == 0 => labels.clear(),
            Fault::Range => labels[0] = Some(3),
            Fault::Chance => labels[0] = Some(call % 3),
            Fault::Threads if rayon::current_num_threads() == 3 => labels[0] = None,
            Fault::Order => labels[0] = None,
            Fault::Strides if x.row_stride() != x.n_cols() => labels[0] = None,
            Fault::Again if fit >= 3 => labels[0] = None,
            Fault::Isas if fit >= 9 => labels[0] = None,
            Fault::Origin if x.row(0)[0] > 200.0 => labels[0] = None,
            Fault::Scale if extent(x, 0) > 200.0 => labels[0] = None,
            // The last is the narrow one until the table is turned.
            Fault::Axes if extent(x, 2) > 0.1 * extent(x, 0) => labels[0] = None,
            _ => {}
        }
        let is_line = x.rows().all(|row| row.iter().all(|v| *v == row[0]));
        let n_features = x.n_cols() + usize::from(fault == Fault::Width);
        Ok(Model { kmeans, labels, n_features, fault, is_line })
    }
}

/// How far the numbers of a column reach.
fn extent(x: MatrixView<'_, f64>, column: usize) -> f64 {
    let most = x.column(column).fold(f64::NEG_INFINITY, f64::max);
    most - x.column(column).fold(f64::INFINITY, f64::min)
}

impl Clustering<f64> for Model {
    fn n_features(&self) -> usize {
        self.n_features
    }

    fn labels(&self) -> Vec<Option<usize>> {
        self.labels.clone()
    }

    fn n_clusters(&self) -> usize {
        if self.fault == Fault::Many && self.is_line { 61 } else { 3 }
    }
}

impl Model {
    fn numbers(&self) -> Vec<f64> {
        let is_lost = self.fault == Fault::Numbers && self.is_line;
        self.kmeans
            .centroids()
            .to_vec()
            .iter()
            .map(|&v| if is_lost { f64::NAN } else { v })
            .collect()
    }
}

impl Predict<f64> for Model {
    fn predict(&self, x: MatrixView<'_, f64>) -> Result<Vec<Option<usize>>> {
        if self.fault == Fault::Features && x.n_cols() != self.n_features() {
            return Ok(vec![None; x.n_rows()]);
        }
        let known = x
            .to_matrix()
            .map(|v| if self.fault == Fault::PredictNan && v.is_nan() { 0.0 } else { v });
        let mut labels = Predict::predict(&self.kmeans, known.view())?;
        match self.fault {
            Fault::Predict => labels.iter_mut().for_each(|label| *label = label.map(|l| 2 - l)),
            Fault::Crowd if labels.len() == 1 => labels[0] = Some(0),
            _ => {}
        }
        Ok(labels)
    }
}

/// Panics unless `f` breaks that law.
#[track_caller]
fn assert_caught(what: &str, law: &str, f: impl FnOnce()) {
    let payload = catch_unwind(AssertUnwindSafe(f)).expect_err(what);
    let text = payload.downcast_ref::<String>().cloned();
    let text = text.or_else(|| payload.downcast_ref::<&str>().map(ToString::to_string));
    let text = text.expect("a text");
    assert!(text.contains(law), "{what}: expected {law}, got {text}");
}

#[test]
fn a_broken_algorithm_is_caught_by_the_law_it_breaks() {
    let check = ClustererCheck::new();
    check.run_with(&Broken::new(Fault::None), Model::numbers);
    for (fault, law) in [
        (Fault::Length, "one label for each row, x"),
        (Fault::Range, "labels are below n_clusters, x: got Some(3) of 3"),
        (Fault::Nan, "fit refuses NaN with its row and column (0, 0), got a result"),
        (Fault::Column, "fit refuses inf with its row and column (1499, 2), got kmeans: x must be"),
        (Fault::Empty, "a table with no row is refused"),
        (Fault::NoColumn, "a table with no column is refused"),
        (Fault::Width, "n_features is the columns of x, x"),
        (Fault::Short, "no panic on data, the first 1 rows: index out of bounds"),
        (Fault::Count, "the first 2 rows are refused with their number and a larger one"),
        (Fault::Enough, "as many rows as the error asks for, 1, are enough"),
        (Fault::Name, "an error begins with the operation broken"),
        (Fault::EqualRows, "no panic on data, equal rows: attempt to divide by zero"),
        (Fault::Numbers, "the numbers of a model are finite, rows on a line: got NaN at 0"),
        (Fault::Many, "at most 60 clusters of 60 rows, rows on a line: got 61"),
        (
            Fault::Kind,
            "for what they are, squares that overflow: got kmeans: inertia must be finite",
        ),
        (Fault::Offset, "an offset of 1e8 is no reason to refuse, got kmeans: x must be near 0"),
        (Fault::Chance, "the same answer again, rows on a line"),
        (Fault::Strides, "rows apart in memory, the same labels"),
        (Fault::Again, "words of result, at first"),
        (Fault::Threads, "with 3 threads"),
        (Fault::Isas, "on plain code"),
    ] {
        let check = || check.run_with(&Broken::new(fault), Model::numbers);
        assert_caught(&format!("{fault:?}"), law, check);
    }
}

#[test]
fn what_depends_on_order_or_place_is_caught() {
    let x = three_groups::<f64>(60, 3);
    let at = |fault| move |_: f64| Broken::new(fault);
    check_permutation(&Broken::new(Fault::None), x.view());
    check_invariance(x.view(), at(Fault::None));
    assert_caught("order", "rows in another order, the same clusters: row 0", || {
        check_permutation(&Broken::new(Fault::Order), x.view());
    });
    for (fault, law) in [
        (Fault::Origin, "a table moved, the same clusters: row 0"),
        (Fault::Scale, "a table scaled, the same clusters: row 0"),
        (Fault::Axes, "a table turned, the same clusters: row 0"),
    ] {
        assert_caught(&format!("{fault:?}"), law, || check_invariance(x.view(), at(fault)));
    }
}

#[test]
fn a_broken_prediction_is_caught() {
    let x = three_groups::<f64>(60, 3);
    check_predict(&Broken::new(Fault::None), x.view());
    for (fault, law) in [
        (Fault::Predict, "predict(x) is the labels: row"),
        (Fault::Crowd, "a row alone as among others: row"),
        (Fault::Features, "0 columns for 3 are an error of shape, got labels"),
        (Fault::PredictNan, "predict refuses NaN with its row and column (0, 0), got a result"),
    ] {
        let check = || check_predict(&Broken::new(fault), x.view());
        assert_caught(&format!("{fault:?}"), law, check);
    }
}

#[test]
fn weights_that_are_not_looked_at_are_caught() {
    // The second group ends at 7.25 without weights and keeps row 3, at 9.7 with them and loses it.
    let x = Matrix::from_rows(&[[0.0], [10.0], [0.0], [4.5]]);
    let start =
        KMeans::new(2).init(purlin_cluster::Init::Centroids(Matrix::from_rows(&[[0.0], [8.0]])));
    let fit = |fault| {
        let start = start.clone();
        move |x: MatrixView<'_, f64>, w: &[f64]| match fault {
            Fault::Weights => {
                start.fit_weighted(x, w)?; // for its errors
                start.fit(x)
            }
            Fault::WeightRules => {
                let w: Vec<f64> = w.iter().map(|w| w.abs()).collect();
                start.fit_weighted(x, &w)
            }
            _ => start.fit_weighted(x, w),
        }
    };
    let weights = [1, 20, 1, 1];
    check_weights(x.view(), &weights, fit(Fault::None));
    assert_caught("weights", "a weight of w is w copies: row", || {
        check_weights(x.view(), &weights, fit(Fault::Weights));
    });
    assert_caught("rules", "a negative weight is refused", || {
        check_weights(x.view(), &weights, fit(Fault::WeightRules));
    });
}

#[test]
fn a_wrong_dendrogram_is_caught() {
    let x = Matrix::from_rows(&[[0.0, 0.0], [1.0, 0.0], [5.0, 0.0], [5.0, 2.0]]);
    let (metric, linkage) = (Metric::Euclidean, Linkage::Complete);
    let tree = Agglomerative::new(linkage).fit(x.view()).unwrap();
    let good = tree.merges();
    let check = |merges: &[Merge]| check_dendrogram(x.view(), &metric, linkage, merges);
    check(good);
    let changed = |i: usize, change: fn(&mut Merge)| {
        let mut merges = good.to_vec();
        change(&mut merges[i]);
        merges
    };
    let height = changed(2, |merge| merge.dissimilarity *= 1.0 + 1e-8);
    assert_caught("height", "merge 2 of 4 and 5 is at the distance of its parts", || {
        check(&height);
    });
    let size = changed(1, |merge| merge.size = 3);
    assert_caught("size", "merge 1 is as large as its parts", || check(&size));
    let used = changed(1, |merge| merge.left = 0);
    assert_caught("used", "merge 1 takes clusters that exist, got 0", || check(&used));
    let mut order = vec![good[1], good[0], good[2]];
    order[2] = Merge { left: 4, right: 5, ..good[2] };
    assert_caught("order", "merge 0 takes a pair least apart: 2 and 3 are 2e0 apart", || {
        check(&order);
    });
    assert_caught("length", "n - 1 merges for 4 samples", || check(&good[..2]));
    let other = Agglomerative::new(Linkage::Average).fit(x.view()).unwrap();
    assert_caught("linkage", "is at the distance of its parts", || check(other.merges()));
}
