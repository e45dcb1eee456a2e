//! Columns brought to one scale before distances are taken, and tables brought to few columns.
//!
//! | from | to | zero spread |
//! |---|---|---|
//! | [`StandardScaler`] | mean 0, variance 1 | the column is centred only |
//! | [`MinMaxScaler`] | a range, 0 to 1 unless set | the column becomes the lower end |
//! | [`RobustScaler`] | median 0, interquartile range 1 | the column is centred only |
//! | [`Pca`] | the few directions of greatest variance | |
//!
//! Fitting gives a value that keeps the parameters, in double precision, so that new samples are
//! treated as the old ones were.
//!
//! # Examples
//!
//! ```
//! use purlin_cluster::{KMeans, MatrixView, preprocessing::StandardScaler};
//!
//! let x = [[1.0, 1000.0], [2.0, 1200.0], [9.0, 3000.0], [10.0, 3200.0]];
//! let scaler = StandardScaler::new().fit(MatrixView::from_rows(&x))?;
//! let model = KMeans::new(2).fit(scaler.transform(MatrixView::from_rows(&x))?.view())?;
//!
//! let new = scaler.transform(MatrixView::from_rows(&[[1.5, 1100.0]]))?;
//! assert_eq!(model.predict(new.view())?[0], model.labels()[0]);
//! let centroids = scaler.inverse_transform(model.centroids())?; // in the units of the columns
//! let first: f64 = centroids[(model.labels()[0], 0)];
//! assert!((first - 1.5).abs() < 1e-12);
//! # Ok::<(), purlin_cluster::Error>(())
//! ```

mod min_max;
mod robust;
mod scaler;
mod standard;

pub use min_max::MinMaxScaler;
pub use purlin_core::linalg::{Pca, PcaModel};
pub use robust::RobustScaler;
pub use scaler::ScalerModel;
pub use standard::StandardScaler;
