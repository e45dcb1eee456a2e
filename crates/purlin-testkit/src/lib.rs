#![doc = include_str!("../README.md")]

mod bits;
#[cfg(feature = "cluster")]
mod cluster;
mod compare;
#[cfg(feature = "data")]
mod data;
#[cfg(feature = "nn")]
mod layer;
#[cfg(feature = "nn")]
mod loss;
pub mod naive;
#[cfg(feature = "nn")]
mod optimizer;
pub mod reference;
#[cfg(feature = "nn")]
mod schedule;
pub mod strategies;

pub use bits::{
    Bits, check_same_bits_again, check_same_bits_on_all_isas, check_same_bits_on_threads,
};
#[cfg(feature = "cluster")]
pub use cluster::{
    ClustererCheck, check_clusterer, check_dendrogram, check_invariance, check_permutation,
    check_predict, check_weights, three_groups,
};
pub use compare::{
    Difference, Tolerance, assert_close, assert_close_at, assert_same_bits, first_difference,
};
#[cfg(feature = "data")]
pub use data::{check_dataset, check_loader};
#[cfg(feature = "nn")]
pub use layer::{LayerCheck, check_layer};
#[cfg(feature = "nn")]
pub use loss::check_loss;
#[cfg(feature = "nn")]
pub use optimizer::{OptimizerCheck, check_optimizer};
#[cfg(feature = "nn")]
pub use schedule::check_schedule;
