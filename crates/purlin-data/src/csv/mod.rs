//! Tables in CSV files.
//!
//! | item | what it is |
//! |---|---|
//! | [`CsvReader`] | which columns are read, as what, and what a missing value means |
//! | [`Table`] | columns with names, numeric or categorical |
//! | [`Missing`] | what happens to a missing value |

mod reader;
mod table;
#[cfg(test)]
mod tests;
mod text;

pub use reader::{CsvReader, Missing};
pub use table::{Column, ColumnData, Table};
