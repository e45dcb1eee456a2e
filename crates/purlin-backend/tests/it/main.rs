//! Kernels against their definitions, in one binary.

mod common;
mod elementwise;
mod lanes;
mod layout;
mod math;
mod norm;
mod random;
mod reduce;
mod softmax;
