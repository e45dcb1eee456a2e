//! Linear algebra on tables: decompositions, solving, principal components.
//!
//! | function | gives | refuses |
//! |---|---|---|
//! | [`qr`] | `x = q r` | |
//! | [`svd`] | `x = u diag(s) vt`, `s` falling | |
//! | [`symmetric_eigen`] | `x = v diag(w) v^T`, `w` rising | what is not symmetric |
//! | [`cholesky`] | `x = l l^T` | what is not positive definite, naming the pivot |
//! | [`solve`], [`inverse`], [`determinant`] | of square systems | what is singular |
//! | [`lstsq`] | the shortest least-squares solution, any rank | |
//! | [`Pca`] | principal components | |
//!
//! Whatever the type of the table, the work is done and returned in `f64`;
//! [`Matrix::cast`](crate::Matrix::cast) goes back. Every function refuses NaN and infinities with
//! their place. Before a decomposition the table is scaled by a power of two, which changes no
//! bit of the result and keeps squares of its numbers from overflowing or vanishing.
//!
//! LU and Cholesky are nalgebra's. QR, singular values and symmetric eigenvalues are written here:
//! in nalgebra 0.35 they return wrong factors for some matrices of deficient rank (for singular
//! values its issue 1172; for the reflections, a column whose squares underflow flips a sign of
//! `q`), and no error tells. All are plain loops on one thread, right for tables of up to some
//! hundred columns. Only correctly rounded operations occur, square roots the hardest of them;
//! nalgebra is built with the `libm` crate in place of the platform's and without its SIMD
//! product. So results have the same bits on every system and CPU.
//!
//! Decompositions are unique up to signs at best; here they are fixed: `r` and `l` have no
//! negative number on the diagonal, and in each eigenvector, right singular vector and principal
//! component the number of largest magnitude (the first one of them) is positive.
//!
//! # References
//!
//! - G. H. Golub, C. F. Van Loan, *Matrix Computations*, 4th edition, 2013: chapters 4 (Cholesky),
//!   5 (QR, least squares) and 8 (symmetric eigenvalues, singular values).

mod cholesky;
mod eigen;
mod householder;
mod pca;
mod qr;
mod solve;
mod svd;

pub use cholesky::{Cholesky, cholesky};
pub use eigen::{SymmetricEigen, symmetric_eigen};
pub use pca::{Pca, PcaModel};
pub use qr::{Qr, qr};
pub use solve::{Lstsq, determinant, inverse, lstsq, solve};
pub use svd::{Svd, svd};

use crate::{Error, Matrix, MatrixView, Real, Result};

/// Refuses an empty table and numbers that are not finite.
fn check<T: Real>(op: &'static str, name: &'static str, x: MatrixView<'_, T>) -> Result<()> {
    if x.n_rows() == 0 || x.n_cols() == 0 {
        let expected = format!("{name} with at least 1 row and 1 column");
        return Err(Error::shape(op, expected, format!("{:?}", x.shape())));
    }
    x.check_finite(op, name)
}

/// [`check`], and refuses what is not square.
fn check_square<T: Real>(op: &'static str, name: &'static str, x: MatrixView<'_, T>) -> Result<()> {
    if x.n_rows() != x.n_cols() {
        return Err(Error::shape(op, format!("a square {name}"), format!("{:?}", x.shape())));
    }
    check(op, name, x)
}

/// The power of two that brings a largest magnitude into `[1, 2)`.
#[derive(Clone, Copy)]
struct Scale {
    exponent: i32,
}

impl Scale {
    fn of(largest: f64) -> Self {
        Self { exponent: if largest > 0.0 { libm::ilogb(largest) } else { 0 } }
    }

    /// A number of the original in the units of the scaled table, exactly (but for numbers 300
    /// orders below the largest).
    fn shrink(self, x: f64) -> f64 {
        libm::scalbn(x, -self.exponent)
    }

    /// A number of the scaled table in the units of the original.
    fn restore(self, x: f64) -> f64 {
        libm::scalbn(x, self.exponent)
    }
}

/// A table scaled by [`Scale`].
struct Scaled {
    matrix: Matrix<f64>,
    scale: Scale,
}

impl Scaled {
    fn new<T: Real>(x: MatrixView<'_, T>) -> Self {
        let scale = Scale::of(x.rows().flatten().fold(0.0f64, |m, v| m.max(v.to_f64().abs())));
        Self { matrix: x.cast::<f64>().map(|v| scale.shrink(v)), scale }
    }
}

/// An iteration did not settle.
fn no_convergence(op: &'static str, step: usize, what: &str, value: f64) -> Error {
    Error::Diverged { op, step: step as u64, what: what.to_owned(), value }
}

/// `-1` where the first number of largest magnitude is negative, else `1`.
fn sign_of_largest(x: impl Iterator<Item = f64>) -> f64 {
    let mut largest = 0.0f64;
    for v in x {
        if v.abs() > largest.abs() {
            largest = v;
        }
    }
    1.0f64.copysign(largest)
}

/// `a b`, each number accumulated from the first term to the last.
fn product<A: Real, B: Real>(a: MatrixView<'_, A>, b: MatrixView<'_, B>) -> Matrix<f64> {
    let mut out = Matrix::zeros(a.n_rows(), b.n_cols());
    for (i, row) in a.rows().enumerate() {
        let out = out.row_mut(i);
        for (x, b_row) in row.iter().zip(b.rows()) {
            for (sum, y) in out.iter_mut().zip(b_row) {
                *sum += x.to_f64() * y.to_f64();
            }
        }
    }
    out
}
