//! Synthetic data: shapes that algorithms are tried on, from seeded streams.
//!
//! | function | rows | what comes with them |
//! |---|---|---|
//! | [`blobs`] | Gaussian clouds, anywhere or at [`ring_centers`] or [`grid_centers`] | cloud of each row |
//! | [`moons`] | two interleaved half circles, 2-D | moon of each row |
//! | [`circles`] | one circle within another, 2-D | circle of each row |
//! | [`spirals`] | arms around the origin, 2-D | arm of each row |
//! | [`swiss_roll`] | a rolled-up sheet, 3-D | place along the roll |
//! | [`linear`] | points on a line with noise | the ordinate |
//! | [`regression`] | normal features | a linear target, and its coefficients |
//!
//! Rows come group by group; row `i` has the same noise whatever the other settings are. Shuffle
//! with a [`Loader`](crate::Loader) or [`split_indices`](crate::split_indices).

mod blobs;
mod linear;
mod plane;
mod swiss_roll;

pub use blobs::{Blobs, blobs, grid_centers, ring_centers};
pub use linear::{Linear, Regression, RegressionData, linear, regression};
pub use plane::{Circles, Moons, Spirals, circles, moons, spirals};
pub use swiss_roll::{SwissRoll, swiss_roll};
