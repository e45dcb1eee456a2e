//! Affine maps of the plane.

use serde::{Deserialize, Serialize};

/// An affine map from output to input coordinates, `(row, column)` with pixel centres at integers:
///
/// ```text
/// row_in    = m[0][0] row_out + m[0][1] column_out + m[0][2]
/// column_in = m[1][0] row_out + m[1][1] column_out + m[1][2]
/// ```
///
/// A warp asks for each output pixel where it comes from, hence this direction.
///
/// # Examples
///
/// ```
/// use purlin_data::image::Affine;
///
/// // A quarter turn of a picture with 3 x 3 pixels about its centre.
/// let turn = Affine::rotation(90.0).about(1.0, 1.0);
/// let (row, column) = turn.apply(0.0, 0.0);
/// assert!((row - 2.0).abs() < 1e-12 && column.abs() < 1e-12);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Affine {
    /// The two rows of the matrix.
    pub m: [[f64; 3]; 2],
}

impl Affine {
    /// Leaves every point where it is.
    pub const IDENTITY: Self = Self { m: [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0]] };

    /// Turns by `degrees`.
    pub fn rotation(degrees: f64) -> Self {
        let (sin, cos) = libm::sincos(degrees.to_radians());
        Self { m: [[cos, -sin, 0.0], [sin, cos, 0.0]] }
    }

    /// Moves by so many pixels.
    pub fn translation(rows: f64, columns: f64) -> Self {
        Self { m: [[1.0, 0.0, rows], [0.0, 1.0, columns]] }
    }

    /// Keras's shear: rows move against columns by an angle of `degrees`.
    pub fn shear(degrees: f64) -> Self {
        let (sin, cos) = libm::sincos(degrees.to_radians());
        Self { m: [[1.0, -sin, 0.0], [0.0, cos, 0.0]] }
    }

    /// Stretches; above 1 the picture shrinks, because the map goes from output to input.
    pub fn scale(rows: f64, columns: f64) -> Self {
        Self { m: [[rows, 0.0, 0.0], [0.0, columns, 0.0]] }
    }

    /// `self` after `first`: the matrix product `self * first`.
    #[must_use]
    pub fn after(&self, first: &Self) -> Self {
        let mut m = [[0.0; 3]; 2];
        for (row, a) in m.iter_mut().zip(&self.m) {
            for (j, out) in row.iter_mut().enumerate() {
                *out = a[0] * first.m[0][j] + a[1] * first.m[1][j];
            }
            row[2] += a[2];
        }
        Self { m }
    }

    /// The same map with `(row, column)` as its centre instead of the corner.
    #[must_use]
    pub fn about(&self, row: f64, column: f64) -> Self {
        Self::translation(row, column).after(self).after(&Self::translation(-row, -column))
    }

    /// Where an output point comes from.
    pub fn apply(&self, row: f64, column: f64) -> (f64, f64) {
        let [a, b] = &self.m;
        (a[0] * row + a[1] * column + a[2], b[0] * row + b[1] * column + b[2])
    }

    /// Whether it is exactly the identity.
    pub fn is_identity(&self) -> bool {
        *self == Self::IDENTITY
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn composition_is_one_map_after_the_other() {
        let (a, b) = (Affine::rotation(30.0), Affine::translation(2.0, -1.0));
        let (c, d) = (Affine::shear(10.0), Affine::scale(0.5, 2.0));
        let all = a.after(&b).after(&c).after(&d);
        let (mut row, mut column) = (3.0, -7.0);
        for step in [d, c, b, a] {
            (row, column) = step.apply(row, column);
        }
        let (r, k) = all.apply(3.0, -7.0);
        assert!((r - row).abs() < 1e-12 && (k - column).abs() < 1e-12);
    }

    #[test]
    fn the_centre_stays() {
        let map = Affine::rotation(17.0).after(&Affine::shear(9.0)).about(4.5, 2.0);
        let (row, column) = map.apply(4.5, 2.0);
        assert!((row - 4.5).abs() < 1e-12 && (column - 2.0).abs() < 1e-12);
        assert!(Affine::rotation(0.0).after(&Affine::shear(0.0)).about(0.5, 3.0).is_identity());
    }
}
