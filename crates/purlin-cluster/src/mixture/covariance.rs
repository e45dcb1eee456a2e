//! Covariances, their inverses and the factors of both.

use super::OP;
use purlin_core::{Error, Matrix, Result};

/// What the covariances of the components may be.
///
/// # Examples
///
/// ```
/// use purlin_cluster::{Covariance, GaussianMixture, MatrixView};
///
/// let x = [[0.0, 0.0], [1.0, 3.0], [2.0, 1.0], [9.0, 7.0], [8.0, 9.0], [7.0, 8.0]];
/// let n_parameters = |kind| -> purlin_cluster::Result<usize> {
///     let mixture = GaussianMixture::new(2).covariance(kind);
///     Ok(mixture.fit(MatrixView::from_rows(&x))?.n_parameters())
/// };
/// assert_eq!(n_parameters(Covariance::Full)?, 1 + 4 + 2 * 3); // weights, means, covariances
/// assert_eq!(n_parameters(Covariance::Tied)?, 1 + 4 + 3);
/// assert_eq!(n_parameters(Covariance::Diag)?, 1 + 4 + 2 * 2);
/// assert_eq!(n_parameters(Covariance::Spherical)?, 1 + 4 + 2);
/// # Ok::<(), purlin_cluster::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Covariance {
    /// Any, for each component.
    #[default]
    Full,
    /// Any, the same for all components.
    Tied,
    /// No covariance between columns: a variance for each column of each component.
    Diag,
    /// One variance for each component.
    Spherical,
}

/// The covariances of the components of a mixture, or their inverses.
///
/// # Examples
///
/// ```
/// use purlin_cluster::{Covariance, GaussianMixture, MatrixView};
///
/// let x = MatrixView::from_slice(&[0.0, 2.0, 1.0, 1.0], 2, 2)?;
/// let model = GaussianMixture::new(1).covariance(Covariance::Tied).reg_covar(1.0).fit(x)?;
/// let covariance = model.covariances().full(0, 2);
/// assert!((covariance[(0, 0)] - 1.25).abs() < 1e-12);
/// assert!((covariance[(0, 1)] + 0.25).abs() < 1e-12);
/// # Ok::<(), purlin_cluster::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum Covariances {
    /// `(n_features, n_features)` for each component.
    Full(Vec<Matrix<f64>>),
    /// `(n_features, n_features)` for all.
    Tied(Matrix<f64>),
    /// `(n_components, n_features)`.
    Diag(Matrix<f64>),
    /// `(n_components,)`.
    Spherical(Vec<f64>),
}

impl Covariances {
    /// What they are.
    pub fn kind(&self) -> Covariance {
        match self {
            Self::Full(_) => Covariance::Full,
            Self::Tied(_) => Covariance::Tied,
            Self::Diag(_) => Covariance::Diag,
            Self::Spherical(_) => Covariance::Spherical,
        }
    }

    /// The matrix of one component, `(n_features, n_features)`.
    ///
    /// # Panics
    ///
    /// When there is no such component, or another number of columns.
    #[track_caller]
    pub fn full(&self, component: usize, n_features: usize) -> Matrix<f64> {
        let diagonal = |f: &dyn Fn(usize) -> f64| {
            Matrix::from_fn(n_features, n_features, |i, j| if i == j { f(i) } else { 0.0 })
        };
        let all = match self {
            Self::Full(all) => all[component].clone(),
            Self::Tied(one) => one.clone(),
            Self::Diag(rows) => {
                assert_eq!(rows.n_cols(), n_features, "covariances: the number of columns");
                diagonal(&|i| rows[(component, i)])
            }
            Self::Spherical(all) => diagonal(&|_| all[component]),
        };
        assert_eq!(all.n_rows(), n_features, "covariances: the number of columns");
        all
    }

    /// Refuses precisions of another kind or shape, or with numbers that cannot be.
    pub(super) fn check_precisions(&self, kind: Covariance, (k, d): (usize, usize)) -> Result<()> {
        if self.kind() != kind {
            let rule = format!("{kind:?} as the covariance");
            return Err(Error::param(OP, "precisions", rule, format!("{:?}", self.kind())));
        }
        let shape = |expected: String, got: String| -> Result<()> {
            if expected == got { Ok(()) } else { Err(Error::shape(OP, expected, got)) }
        };
        let square = |m: &Matrix<f64>| {
            shape(format!("precisions {:?}", (d, d)), format!("precisions {:?}", m.shape()))?;
            m.view().check_finite(OP, "precisions")?;
            for i in 0..d {
                for j in 0..i {
                    let (a, b) = (m[(i, j)], m[(j, i)]);
                    if (a - b).abs() > 1e-8 * a.abs().max(b.abs()) {
                        let got = format!("{a} at ({i}, {j}) and {b} at ({j}, {i})");
                        return Err(Error::param(OP, "precisions", "symmetric", got));
                    }
                }
            }
            Ok(())
        };
        let count = |got: usize| shape(format!("{k} precisions"), format!("{got} precisions"));
        match self {
            Self::Full(all) => {
                count(all.len())?;
                all.iter().try_for_each(square)
            }
            Self::Tied(one) => square(one),
            Self::Diag(rows) => {
                shape(
                    format!("precisions {:?}", (k, d)),
                    format!("precisions {:?}", rows.shape()),
                )?;
                rows.view().check_finite(OP, "precisions")
            }
            Self::Spherical(all) => {
                count(all.len())?;
                Matrix::from_vec(all.clone(), k, 1)?.view().check_finite(OP, "precisions")
            }
        }
    }
}

/// The upper triangular `u` with `u u^T` = the inverse of a covariance: the densities' form.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Factors {
    Full(Vec<Matrix<f64>>),
    Tied(Matrix<f64>),
    /// Rows of diagonals; of the spherical kind too.
    Diagonal(Matrix<f64>),
}

/// A pivot that is not positive: the component, the column and the number.
pub(super) struct BadPivot {
    pub(super) component: usize,
    pub(super) column: usize,
    pub(super) pivot: f64,
}

impl Factors {
    pub(super) fn of_covariances(all: &Covariances, d: usize) -> Result<Self, BadPivot> {
        Self::new(all, d, inverse_of_lower, |variance| 1.0 / variance.sqrt())
    }

    pub(super) fn of_precisions(all: &Covariances, d: usize) -> Result<Self, BadPivot> {
        Self::new(all, d, upper, f64::sqrt)
    }

    fn new(
        all: &Covariances,
        d: usize,
        factor: impl Fn(&Matrix<f64>) -> Result<Matrix<f64>, (usize, f64)>,
        root: impl Fn(f64) -> f64,
    ) -> Result<Self, BadPivot> {
        let of = |component: usize, m: &Matrix<f64>| {
            factor(m).map_err(|(column, pivot)| BadPivot { component, column, pivot })
        };
        let diagonal = |rows: &Matrix<f64>| {
            for (component, row) in rows.rows().enumerate() {
                if let Some(column) = row.iter().position(|&v| !is_positive(v)) {
                    return Err(BadPivot { component, column, pivot: row[column] });
                }
            }
            Ok(Self::Diagonal(rows.map(&root)))
        };
        match all {
            Covariances::Full(all) => all
                .iter()
                .enumerate()
                .map(|(c, m)| of(c, m))
                .collect::<Result<_, _>>()
                .map(Self::Full),
            Covariances::Tied(one) => of(0, one).map(Self::Tied),
            Covariances::Diag(rows) => diagonal(rows),
            Covariances::Spherical(all) => diagonal(&Matrix::from_fn(all.len(), d, |c, _| all[c])),
        }
    }

    /// `u u^T`, in the kind of the covariances.
    pub(super) fn precisions(&self, kind: Covariance) -> Covariances {
        let product = |u: &Matrix<f64>| {
            let d = u.n_rows();
            let dot = |i: usize, j: usize| (0..d).fold(0.0, |sum, l| sum + u[(i, l)] * u[(j, l)]);
            Matrix::from_fn(d, d, |i, j| dot(i.min(j), i.max(j)))
        };
        match self {
            Self::Full(all) => Covariances::Full(all.iter().map(product).collect()),
            Self::Tied(one) => Covariances::Tied(product(one)),
            Self::Diagonal(rows) if kind == Covariance::Spherical => {
                Covariances::Spherical(rows.rows().map(|row| row[0] * row[0]).collect())
            }
            Self::Diagonal(rows) => Covariances::Diag(rows.map(|u| u * u)),
        }
    }

    /// The diagonal of the factor of component `c`.
    pub(super) fn diagonal(&self, c: usize) -> Vec<f64> {
        let of = |u: &Matrix<f64>| (0..u.n_rows()).map(|i| u[(i, i)]).collect();
        match self {
            Self::Full(all) => of(&all[c]),
            Self::Tied(one) => of(one),
            Self::Diagonal(rows) => rows.row(c).to_vec(),
        }
    }
}

/// A variance, or a pivot, whose root and its inverse are numbers.
fn is_positive(v: f64) -> bool {
    v > 0.0 && v.is_finite()
}

/// The lower triangular `l` with `l l^T = m`, or the first column whose pivot is not positive. (The
/// one of `linalg` gives that pivot as a text only.)
pub(super) fn lower(m: &Matrix<f64>) -> Result<Matrix<f64>, (usize, f64)> {
    let d = m.n_rows();
    let mut l = Matrix::zeros(d, d);
    for j in 0..d {
        for i in j..d {
            let known = (0..j).fold(m[(i, j)], |sum, a| sum - l[(i, a)] * l[(j, a)]);
            if i > j {
                l[(i, j)] = known / l[(j, j)];
            } else if is_positive(known) {
                l[(j, j)] = known.sqrt();
            } else {
                return Err((j, known));
            }
        }
    }
    Ok(l)
}

/// The transposed inverse of the lower factor of `m`.
fn inverse_of_lower(m: &Matrix<f64>) -> Result<Matrix<f64>, (usize, f64)> {
    let (l, d) = (lower(m)?, m.n_rows());
    let mut u = Matrix::zeros(d, d);
    // Column j of the inverse is row j of `u`.
    for j in 0..d {
        u[(j, j)] = 1.0 / l[(j, j)];
        for i in j + 1..d {
            let sum = (j..i).fold(0.0, |sum, a| sum + l[(i, a)] * u[(j, a)]);
            u[(j, i)] = -sum / l[(i, i)];
        }
    }
    Ok(u)
}

/// The upper triangular `u` with `u u^T = m`: the lower factor of `m` turned around.
fn upper(m: &Matrix<f64>) -> Result<Matrix<f64>, (usize, f64)> {
    let last = m.n_rows() - 1;
    let turned =
        |m: &Matrix<f64>| Matrix::from_fn(m.n_rows(), m.n_rows(), |i, j| m[(last - i, last - j)]);
    match lower(&turned(m)) {
        Ok(l) => Ok(turned(&l)),
        Err((column, pivot)) => Err((last - column, pivot)),
    }
}
