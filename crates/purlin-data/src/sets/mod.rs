//! Small real data sets, embedded: they need no files and no network.
//!
//! | set | samples | what |
//! |---|---|---|
//! | [`iris`] | 150 | 4 measures of flowers, 3 species |
//! | [`wine`] | 178 | 13 chemical measures, 3 growers |
//! | [`breast_cancer`] | 569 | 30 measures of cell nuclei, malignant or benign |
//! | [`digits`] | 1,797 | handwritten digits, 8x8 pixels of 0 to 16 |
//! | [`diabetes`] | 442 | 10 measures of patients, progression of the disease a year later |
//!
//! They are those of scikit-learn (BSD-3-Clause, "The scikit-learn developers"), number for
//! number; `data/NOTICE` in this crate names their origins and holds the licence.

mod digits;
mod table;

#[cfg(feature = "image")]
pub use digits::write_digits_folder;
pub use digits::{DIGITS_SPLIT_SEED, digits, digits_images, digits_split};
pub use table::{ClassificationSet, RegressionSet, breast_cancer, diabetes, iris, wine};
