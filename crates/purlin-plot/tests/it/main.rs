//! Pictures and what they refuse, in one binary.

mod bad_input;
mod hierarchies;
mod pictures;
mod tick_laws;
