//! Property-test strategies, naive references and laws for machine-learning code.
//!
//! | module | what it holds |
//! |---|---|
//! | [`strategies`] | proptest strategies: tables, shapes, geometries, numbers that code trips over |
//! | [`naive`] | definitions as programs, to compare the fast ones with |
//! | [`Tolerance`], [`assert_close`], [`assert_same_bits`] | comparisons that name the first place |
//! | [`check_same_bits_on_all_isas`], [`check_same_bits_on_threads`] | laws of determinism |
//! | [`reference`] | results of the field's established libraries, read from a folder of test data |

mod bits;
mod compare;
pub mod naive;
pub mod reference;
pub mod strategies;

pub use bits::{
    Bits, check_same_bits_again, check_same_bits_on_all_isas, check_same_bits_on_threads,
};
pub use compare::{
    Difference, Tolerance, assert_close, assert_close_at, assert_same_bits, first_difference,
};
