//! Columns with names.

use super::text::Text;
use purlin_core::{Error, Matrix, Result};

/// One column of a [`Table`].
#[derive(Debug, Clone, PartialEq)]
pub struct Column {
    /// Its name: the header's, or its number as text where there is no header.
    pub name: String,
    /// What it holds.
    pub data: ColumnData,
}

/// What a column holds.
#[derive(Debug, Clone, PartialEq)]
pub enum ColumnData {
    /// Finite numbers.
    Numeric(Vec<f64>),
    /// One of a few texts per row.
    Categorical {
        /// The index of each row's text in `categories`.
        codes: Vec<usize>,
        /// The different texts, in alphabetical order.
        categories: Vec<String>,
    },
}

impl ColumnData {
    /// The number of rows.
    pub fn len(&self) -> usize {
        match self {
            Self::Numeric(values) => values.len(),
            Self::Categorical { codes, .. } => codes.len(),
        }
    }

    /// No rows.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    fn kind(&self) -> &'static str {
        match self {
            Self::Numeric(_) => "numeric",
            Self::Categorical { .. } => "categorical",
        }
    }
}

/// Columns of equal length.
///
/// # Examples
///
/// ```
/// use purlin_data::csv::CsvReader;
///
/// let text = b"length,color,species\n5.1,red,b\n4.9,blue,a\n";
/// let table = CsvReader::new().from_bytes("flowers.csv", text)?;
/// assert_eq!(table.names().collect::<Vec<_>>(), ["length", "color", "species"]);
/// assert_eq!(table.numeric("length")?, [5.1, 4.9]);
///
/// let (labels, classes) = table.labels("species")?;
/// assert_eq!((labels, classes), (vec![1, 0], vec!["a".to_string(), "b".to_string()]));
///
/// let x = table.without("species")?.one_hot("color")?.matrix()?;
/// assert_eq!(x.row(0), [5.1, 0.0, 1.0]); // length, color=blue, color=red
/// # Ok::<(), purlin_core::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Table {
    pub(super) columns: Vec<Column>,
    pub(super) n_rows: usize,
    pub(super) n_dropped: usize,
    pub(super) n_filled: usize,
    pub(super) text: Option<Text>,
}

impl Table {
    /// Rows.
    pub fn n_rows(&self) -> usize {
        self.n_rows
    }

    /// Rows of the file that were left out because of missing values.
    pub fn n_dropped(&self) -> usize {
        self.n_dropped
    }

    /// Missing values that were filled in.
    pub fn n_filled(&self) -> usize {
        self.n_filled
    }

    /// The line that names the columns as the file has it, without its line end. `None` where there
    /// is no header, or [`CsvReader::keep_text`](super::CsvReader::keep_text) was not asked for.
    pub fn header_text(&self) -> Option<&str> {
        self.text.as_ref()?.header()
    }

    /// Row `i` as the file has it, with its spaces, quotes and leading zeros and without its line end.
    /// `None` where there is no such row, or
    /// [`CsvReader::keep_text`](super::CsvReader::keep_text) was not asked for.
    ///
    /// # Examples
    ///
    /// ```
    /// use purlin_data::csv::{CsvReader, Missing};
    ///
    /// let text = b"id,size\n00123,1.50\n00124,\n\"7,a\", 2\n";
    /// let reader = CsvReader::new().keep_text(true).missing(Missing::Drop);
    /// let table = reader.from_bytes("parts.csv", text)?;
    /// assert_eq!(table.numeric("size")?, [1.5, 2.0]);
    /// assert_eq!(table.row_text(0), Some("00123,1.50"));
    /// assert_eq!(table.row_text(1), Some("\"7,a\", 2"));
    /// assert_eq!(table.header_text(), Some("id,size"));
    /// # Ok::<(), purlin_core::Error>(())
    /// ```
    pub fn row_text(&self, i: usize) -> Option<&str> {
        self.text.as_ref()?.row(i)
    }

    /// The columns, in order.
    pub fn columns(&self) -> &[Column] {
        &self.columns
    }

    /// The names of the columns, in order.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.columns.iter().map(|column| column.name.as_str())
    }

    fn position(&self, name: &str) -> Result<usize> {
        self.columns.iter().position(|column| column.name == name).ok_or_else(|| {
            let names: Vec<&str> = self.names().collect();
            Error::param("table", "column", format!("one of {names:?}"), format!("{name:?}"))
        })
    }

    /// The column of this name.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidParam`]: there is none.
    pub fn column(&self, name: &str) -> Result<&Column> {
        Ok(&self.columns[self.position(name)?])
    }

    /// The numbers of a numeric column.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidParam`]: no such column, or it is categorical.
    pub fn numeric(&self, name: &str) -> Result<&[f64]> {
        match &self.column(name)?.data {
            ColumnData::Numeric(values) => Ok(values),
            data @ ColumnData::Categorical { .. } => Err(not_numeric(name, data)),
        }
    }

    /// A column as classes: the index of each row's class, and the names of the classes in
    /// alphabetical order, or in that of the numbers for a numeric column.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidParam`]: no such column.
    pub fn labels(&self, name: &str) -> Result<(Vec<usize>, Vec<String>)> {
        match &self.column(name)?.data {
            ColumnData::Categorical { codes, categories } => {
                Ok((codes.clone(), categories.clone()))
            }
            ColumnData::Numeric(values) => {
                let mut classes = values.clone();
                classes.sort_unstable_by(f64::total_cmp);
                classes.dedup();
                let code = |v: &f64| classes.partition_point(|c| c < v);
                let labels = values.iter().map(code).collect();
                Ok((labels, classes.iter().map(f64::to_string).collect()))
            }
        }
    }

    /// The table without a column, as a rule the target.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidParam`]: no such column.
    pub fn without(&self, name: &str) -> Result<Self> {
        let at = self.position(name)?;
        let mut table = self.clone();
        table.columns.remove(at);
        Ok(table)
    }

    /// The table with a categorical column replaced by one column of 0 and 1 per category, named
    /// `name=category`.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidParam`]: no such column, or it is numeric.
    pub fn one_hot(&self, name: &str) -> Result<Self> {
        let at = self.position(name)?;
        let ColumnData::Categorical { codes, categories } = &self.columns[at].data else {
            let rule = "categorical";
            return Err(Error::param(
                "table",
                "column",
                rule,
                format!("{name:?}, which is numeric"),
            ));
        };
        let columns = categories.iter().enumerate().map(|(i, category)| {
            let is_it = |&code: &usize| f64::from(u8::from(code == i));
            let data = ColumnData::Numeric(codes.iter().map(is_it).collect());
            Column { name: format!("{name}={category}"), data }
        });
        let mut table = self.clone();
        table.columns.splice(at..=at, columns);
        Ok(table)
    }

    /// All columns as a matrix, `(n_rows, n_columns)`.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidParam`]: a column is categorical; [`Table::one_hot`] makes numbers of it.
    pub fn matrix(&self) -> Result<Matrix<f64>> {
        let mut x = Matrix::zeros(self.n_rows, self.columns.len());
        for (j, column) in self.columns.iter().enumerate() {
            let ColumnData::Numeric(values) = &column.data else {
                return Err(not_numeric(&column.name, &column.data));
            };
            for (i, &value) in values.iter().enumerate() {
                x[(i, j)] = value;
            }
        }
        Ok(x)
    }
}

fn not_numeric(name: &str, data: &ColumnData) -> Error {
    let value = format!("{name:?}, which is {}", data.kind());
    Error::param("table", "column", "numeric", value)
}
