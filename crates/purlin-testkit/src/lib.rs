//! Property-test strategies, naive references and laws for machine-learning code.
//!
//! | module | what it holds |
//! |---|---|
//! | [`reference`] | results of the field's established libraries, read from a folder of test data |

pub mod reference;
