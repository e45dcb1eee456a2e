//! What every algorithm keeps.

use super::{
    Labels, assert_names_operation, check_refuses_non_finite, guard, labels_of, three_groups,
};
use crate::{check_same_bits_again, check_same_bits_on_all_isas, check_same_bits_on_threads};
use purlin_cluster::{Clusterer, Clustering};
use purlin_core::{Error, Matrix, MatrixView, Real};

/// The laws of any clustering algorithm; [`check_clusterer`] with its defaults.
///
/// 1. one label for each row, below the number of clusters; as many features as columns;
/// 2. NaN and infinities are refused with their row and column; so are tables without rows or
///    without columns; every error begins with [`Clusterer::name`];
/// 3. a table too short is refused with [`Error::TooFewSamples`] and the number of rows it has; one
///    as long as the error asks for is not;
/// 4. no table of finite numbers makes it panic (equal rows, one line, an offset of `1e8`, in single
///    precision of `1e3`, numbers whose squares underflow or overflow): it finds at most as many
///    clusters as there are rows, with the [numbers](ClustererCheck::run_with) of the model finite,
///    or refuses the table with [`Error::InvalidParam`] for its numbers, [`Error::Shape`] for too few
///    different ones, or [`Error::TooFewSamples`]; it does the same again; an offset alone is no
///    reason to refuse;
/// 5. rows that lie apart in memory are clustered as rows that do not;
/// 6. the same bits again, on any number of threads and on all instruction sets.
///
/// # Examples
///
/// ```
/// use purlin_cluster::Dbscan;
/// use purlin_testkit::{ClustererCheck, three_groups};
///
/// // In single precision, on a table of one's own.
/// ClustererCheck::<f32>::on(three_groups(300, 2)).run(&Dbscan::new(0.5, 4));
/// ```
#[derive(Debug, Clone)]
#[must_use = "nothing is checked until `run` is called"]
pub struct ClustererCheck<T: Real> {
    x: Matrix<T>,
}

/// Holds a clustering algorithm to all laws of [`ClustererCheck`] in double precision, on
/// [`three_groups`] of 500 rows each.
///
/// # Panics
///
/// When a law is broken; the text names the law and the first place.
///
/// # Examples
///
/// ```
/// use purlin_cluster::KMeans;
/// use purlin_testkit::check_clusterer;
///
/// check_clusterer(&KMeans::new(3).seed(7));
/// ```
#[track_caller]
pub fn check_clusterer<C: Clusterer<f64> + Sync>(algorithm: &C) {
    ClustererCheck::new().run(algorithm);
}

impl<T: Real> Default for ClustererCheck<T> {
    fn default() -> Self {
        Self::new()
    }
}

impl<T: Real> ClustererCheck<T> {
    /// All laws on [`three_groups`] of 500 rows each in 3 columns: enough for the law of threads
    /// where each row is compared with some hundred others.
    pub fn new() -> Self {
        Self::on(three_groups(1500, 3))
    }

    /// All laws on this table, which the algorithm must accept. Make it long enough that the work
    /// is cut into blocks, or the law of threads is trivial: where the work grows with the rows
    /// alone, [`purlin_backend::parallel::THRESHOLD`] numbers.
    pub fn on(x: Matrix<T>) -> Self {
        Self { x }
    }

    /// Checks all laws.
    ///
    /// # Panics
    ///
    /// When a law is broken; the text names the law and the first place.
    #[track_caller]
    pub fn run<C: Clusterer<T> + Sync>(&self, algorithm: &C) {
        self.run_with(algorithm, |_| Vec::new());
    }

    /// Checks all laws, with the numbers of a model that must be finite: its centroids, for example.
    ///
    /// # Panics
    ///
    /// As [`ClustererCheck::run`].
    ///
    /// # Examples
    ///
    /// ```
    /// use purlin_cluster::KMeans;
    /// use purlin_testkit::ClustererCheck;
    ///
    /// ClustererCheck::<f64>::new().run_with(&KMeans::new(3), |model| model.centroids().to_vec());
    /// ```
    #[track_caller]
    pub fn run_with<C: Clusterer<T> + Sync>(
        &self,
        algorithm: &C,
        numbers: impl Fn(&C::Model) -> Vec<f64>,
    ) {
        let x = self.x.view();
        let expected = fit(algorithm, "x", x).unwrap_or_else(|err| {
            panic!("law of clusterings: the table of the check is accepted: {err}")
        });
        check_bad_tables(algorithm, x);
        check_short_tables(algorithm, x);
        check_hostile_tables(algorithm, x, &numbers);
        check_strides(algorithm, x, &expected);
        let labels = || fit(algorithm, "x", x).unwrap_or_default();
        check_same_bits_again(labels);
        check_same_bits_on_threads(labels);
        check_same_bits_on_all_isas(labels);
    }
}

#[track_caller]
fn fit<T: Real, C: Clusterer<T>>(
    algorithm: &C,
    what: &str,
    x: MatrixView<'_, T>,
) -> Result<Labels, Error> {
    match guard(what, || algorithm.fit(x)) {
        Ok(model) => Ok(labels_of(what, &model, x.shape())),
        Err(err) => {
            assert_names_operation(what, &err, algorithm.name());
            Err(err)
        }
    }
}

/// The first rows of a table, enough for most algorithms.
fn head<T: Real>(x: MatrixView<'_, T>) -> MatrixView<'_, T> {
    x.row_range(0..x.n_rows().min(60))
}

#[track_caller]
fn check_bad_tables<T: Real, C: Clusterer<T>>(algorithm: &C, x: MatrixView<'_, T>) {
    check_refuses_non_finite("fit", x, |x| fit(algorithm, "a number that is not finite", x));
    let (n, d) = x.shape();
    for (what, shape) in
        [("no row", (0, d)), ("no column", (n, 0)), ("neither row nor column", (0, 0))]
    {
        let table = Matrix::zeros(shape.0, shape.1);
        let result = fit(algorithm, what, table.view());
        assert!(result.is_err(), "law of clusterings: a table with {what} is refused");
    }
}

#[track_caller]
fn check_short_tables<T: Real, C: Clusterer<T>>(algorithm: &C, x: MatrixView<'_, T>) {
    for n in 0..x.n_rows().min(40) {
        let what = format!("the first {n} rows");
        let Err(err) = fit(algorithm, &what, x.row_range(0..n)) else { continue };
        let Error::TooFewSamples { expected, got, .. } = err else {
            assert!(n > 0, "law of clusterings: no row is too few samples, got {err}");
            panic!("law of clusterings: {what} are enough or too few samples, got {err}");
        };
        assert!(
            got == n && expected > n,
            "law of clusterings: {what} are refused with their number and a larger one, got {err}"
        );
        if expected > x.n_rows() {
            continue;
        }
        let enough = fit(algorithm, "as many rows as asked for", x.row_range(0..expected));
        assert!(
            !matches!(enough, Err(Error::TooFewSamples { .. })),
            "law of clusterings: as many rows as the error asks for, {expected}, are enough"
        );
    }
}

/// Tables that algorithms stumble over: a sound model or an error that says why not.
#[track_caller]
fn check_hostile_tables<T: Real, C: Clusterer<T>>(
    algorithm: &C,
    x: MatrixView<'_, T>,
    numbers: &impl Fn(&C::Model) -> Vec<f64>,
) {
    let head = head(x).to_matrix();
    let (n, d) = head.shape();
    let is_double = T::EPSILON.to_f64() < 1e-10;
    let (tiny, huge) = if is_double { (1e-170, 1e300) } else { (1e-25, 1e36) };
    let times = |factor: f64| head.map(|v| T::from_f64(v.to_f64() * factor));
    let most = head.as_slice().iter().fold(1.0, |most: f64, v| most.max(v.to_f64().abs()));
    // So that different rows stay different.
    let (far, offset) =
        if is_double { (1e8, "an offset of 1e8") } else { (1e3, "an offset of 1e3") };
    for (what, table) in [
        ("equal rows", Matrix::from_fn(n, d, |_, j| head[(0, j)])),
        ("zeros", Matrix::zeros(n, d)),
        ("two different rows", Matrix::from_fn(n, d, |i, j| head[(i % 2, j)])),
        ("rows on a line", Matrix::from_fn(n, d, |i, _| T::from_f64(i as f64))),
        ("rows on a lattice", Matrix::from_fn(n, d, |i, j| T::from_f64(((i >> j) % 4) as f64))),
        (offset, head.map(|v| v + T::from_f64(far))),
        ("squares that underflow", times(tiny)),
        ("squares that overflow", times(huge / most)),
    ] {
        let first = answer(algorithm, what, table.view(), numbers);
        let second = answer(algorithm, what, table.view(), numbers);
        assert!(first == second, "law of clusterings: the same answer again, {what}");
        if let (true, Err(err)) = (what == offset, first) {
            panic!("law of clusterings: {what} is no reason to refuse, got {err}");
        }
    }
}

/// Labels and numbers, or the text of an error, that are such as they must be.
#[track_caller]
fn answer<T: Real, C: Clusterer<T>>(
    algorithm: &C,
    what: &str,
    x: MatrixView<'_, T>,
    numbers: &impl Fn(&C::Model) -> Vec<f64>,
) -> Result<(Labels, Vec<f64>), String> {
    let n = x.n_rows();
    let model = match guard(what, || algorithm.fit(x)) {
        Ok(model) => model,
        Err(err) => {
            assert_names_operation(what, &err, algorithm.name());
            let is_due = match err {
                Error::InvalidParam { .. } | Error::Shape { .. } => true,
                Error::TooFewSamples { expected, got, .. } => got == n && expected > n,
                _ => false,
            };
            assert!(
                is_due,
                "law of clusterings: finite numbers are refused for what they are, {what}: got {err}"
            );
            return Err(err.to_string());
        }
    };
    let labels = labels_of(what, &model, x.shape());
    let n_clusters = model.n_clusters();
    assert!(
        n_clusters <= n,
        "law of clusterings: at most {n} clusters of {n} rows, {what}: got {n_clusters}"
    );
    let numbers = numbers(&model);
    if let Some(i) = numbers.iter().position(|number| !number.is_finite()) {
        panic!(
            "law of clusterings: the numbers of a model are finite, {what}: got {} at {i}",
            numbers[i]
        );
    }
    Ok((labels, numbers))
}

#[track_caller]
fn check_strides<T: Real, C: Clusterer<T>>(
    algorithm: &C,
    x: MatrixView<'_, T>,
    expected: &[Option<usize>],
) {
    let (n, d) = x.shape();
    // What lies between the rows must not be read.
    let wide =
        Matrix::from_fn(
            n,
            d + 3,
            |i, j| if (1..=d).contains(&j) { x.row(i)[j - 1] } else { T::NAN },
        );
    let apart = wide.view().column_range(1..d + 1);
    let labels = fit(algorithm, "rows apart in memory", apart)
        .unwrap_or_else(|err| panic!("law of clusterings: rows apart in memory: {err}"));
    assert!(labels == expected, "law of clusterings: rows apart in memory, the same labels");
}
