//! Machine learning in pure Rust.
pub use purlin_backend as backend;
pub use purlin_core as core;
#[cfg(feature = "data")]
pub use purlin_data as data;
#[cfg(feature = "nn")]
pub use purlin_nn as nn;
#[cfg(feature = "plot")]
pub use purlin_plot as plot;
#[cfg(feature = "tensor")]
pub use purlin_tensor as tensor;
