//! From text to columns.

use super::text::Text;
use super::{Column, ColumnData, Table};
use crate::source::Source;
use ::csv::{ErrorKind, Position, ReaderBuilder, StringRecord, Trim};
use purlin_core::{Error, Result};
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

/// What happens to a missing value.
#[derive(Debug, Clone, PartialEq, Default)]
pub enum Missing {
    /// An error that names its line and column.
    #[default]
    Error,
    /// Its row is left out, and counted.
    Drop,
    /// It becomes the mean of the column's other values, over the rows that stay. Numeric columns
    /// only.
    Mean,
    /// It is read as if the file held this text.
    Constant(String),
}

/// Reads tables from CSV files, gzipped or not.
///
/// | setting | default |
/// |---|---|
/// | `has_header` | yes; without one, columns are called `0`, `1`, ... |
/// | `delimiter` | `,` |
/// | `columns` | all |
/// | type of a column | numeric if all its values are finite numbers, else categorical |
/// | what counts as missing | nothing, `NA`, `N/A`, `NaN`, `nan`, `null`, `?` |
/// | `missing` | [`Missing::Error`] |
///
/// Spaces around values are dropped; quotes follow RFC 4180. Blank lines between rows are no rows,
/// except where a table has one column only: there a blank line is a missing value. Those at the
/// end of a file mean nothing.
///
/// # Examples
///
/// ```
/// use purlin_data::csv::{CsvReader, Missing};
///
/// let text = b"age,income\n20,1000\n,3000\n40,NA\n";
/// let table = CsvReader::new()
///     .missing(Missing::Mean)
///     .missing_in("income", Missing::Drop)
///     .from_bytes("people.csv", text)?;
/// assert_eq!(table.numeric("age")?, [20.0, 20.0]); // the mean of the rows that stay
/// assert_eq!((table.n_dropped(), table.n_filled()), (1, 1));
/// # Ok::<(), purlin_core::Error>(())
/// ```
#[derive(Debug, Clone)]
#[must_use = "nothing is read until `read` is called"]
pub struct CsvReader {
    has_header: bool,
    delimiter: u8,
    columns: Option<Vec<String>>,
    kinds: BTreeMap<String, Kind>,
    missing: Missing,
    missing_in: BTreeMap<String, Missing>,
    tokens: Vec<String>,
    keeps_text: bool,
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Kind {
    Numeric,
    Categorical,
}

impl Default for CsvReader {
    fn default() -> Self {
        let tokens = ["", "NA", "N/A", "NaN", "nan", "null", "?"];
        Self {
            has_header: true,
            delimiter: b',',
            columns: None,
            kinds: BTreeMap::new(),
            missing: Missing::Error,
            missing_in: BTreeMap::new(),
            tokens: tokens.map(String::from).to_vec(),
            keeps_text: false,
        }
    }
}

impl CsvReader {
    /// The settings of the table above.
    pub fn new() -> Self {
        Self::default()
    }

    /// Whether the first line names the columns.
    pub fn has_header(mut self, has_header: bool) -> Self {
        self.has_header = has_header;
        self
    }

    /// What separates values, e.g. `b';'` or `b'\t'`.
    pub fn delimiter(mut self, delimiter: u8) -> Self {
        self.delimiter = delimiter;
        self
    }

    /// Reads these columns only, in this order.
    pub fn columns(mut self, names: &[impl AsRef<str>]) -> Self {
        self.columns = Some(names.iter().map(|name| name.as_ref().to_owned()).collect());
        self
    }

    /// Insists that a column is numeric: any other value is an error.
    pub fn numeric(mut self, name: impl Into<String>) -> Self {
        self.kinds.insert(name.into(), Kind::Numeric);
        self
    }

    /// Reads a column as categories even if its values look like numbers.
    pub fn categorical(mut self, name: impl Into<String>) -> Self {
        self.kinds.insert(name.into(), Kind::Categorical);
        self
    }

    /// What happens to missing values.
    pub fn missing(mut self, policy: Missing) -> Self {
        self.missing = policy;
        self
    }

    /// What happens to missing values of one column.
    pub fn missing_in(mut self, name: impl Into<String>, policy: Missing) -> Self {
        self.missing_in.insert(name.into(), policy);
        self
    }

    /// The texts that mean a missing value.
    pub fn missing_tokens(mut self, tokens: &[impl AsRef<str>]) -> Self {
        self.tokens = tokens.iter().map(|token| token.as_ref().to_owned()).collect();
        self
    }

    /// Whether the table keeps the text it was read from, see [`Table::row_text`]: as many bytes as
    /// the file has, unpacked.
    pub fn keep_text(mut self, keeps_text: bool) -> Self {
        self.keeps_text = keeps_text;
        self
    }

    /// Reads a file.
    ///
    /// # Errors
    ///
    /// - [`Error::Io`]: the file cannot be read.
    /// - [`Error::CorruptFile`] with the byte offset: a row with more or fewer values than the
    ///   first, a quote that is never closed, text that is not UTF-8, a value that is missing
    ///   under [`Missing::Error`] or not a finite number in a numeric column, a header that names
    ///   two columns alike, a damaged gzip stream.
    /// - [`Error::InvalidParam`]: a setting names a column that is not there, or
    ///   [`Missing::Mean`] meets a missing value in a categorical column or a column without any
    ///   value.
    pub fn read(&self, path: impl AsRef<Path>) -> Result<Table> {
        self.parse(Source::open("csv", path.as_ref())?)
    }

    /// Reads from memory; `name` stands for the path in errors.
    ///
    /// # Errors
    ///
    /// As [`CsvReader::read`].
    pub fn from_bytes(&self, name: &str, bytes: &[u8]) -> Result<Table> {
        self.parse(Source::from_bytes("csv", Path::new(name), bytes))
    }

    fn parse(&self, mut source: Source<'_>) -> Result<Table> {
        let bytes = source.rest()?;
        if let Some(at) = unclosed_quote(&bytes, self.delimiter) {
            return Err(source.corrupt_at(at as u64, "quote is never closed"));
        }
        let file = File { source: &source, bytes: &bytes };
        let mut reader = ReaderBuilder::new()
            .has_headers(false)
            .delimiter(self.delimiter)
            .trim(Trim::All)
            .from_reader(&bytes[..]);
        let mut records = Vec::new();
        for record in reader.records() {
            let mut record = record.map_err(|e| refused(&file, &e))?;
            let from = record.position().map_or(0, Position::byte) as usize;
            let is_column = record.len() == 1;
            // Without a header, blank lines above the first value are values too.
            let is_first = records.is_empty() && self.has_header;
            let (blank, start) = file.skip_line_ends(from);
            if is_column && !is_first {
                records
                    .extend(blank.into_iter().map(|at| placed(StringRecord::from(vec![""]), at)));
            }
            set_start(&mut record, start);
            records.push(record);
        }
        let places: Vec<usize> = records.iter().map(start).collect();
        let mut rows = records.into_iter();
        let names = self.names(&source, &mut rows)?;
        let selected = self.select(&names)?;
        let mut rows: Vec<StringRecord> = rows.collect();

        let n_before = rows.len();
        let mut failure = None;
        rows.retain(|row| {
            selected.iter().all(|&j| match self.policy(&names[j]) {
                Missing::Drop => !self.is_missing(&row[j]),
                Missing::Error if self.is_missing(&row[j]) => {
                    failure.get_or_insert_with(|| {
                        file.corrupt_cell(row, &names[j], "expected a value, got none")
                    });
                    true
                }
                _ => true,
            })
        });
        if let Some(failure) = failure {
            return Err(failure);
        }
        let mut n_filled = 0;
        let columns = selected
            .iter()
            .map(|&j| self.column(&file, &names[j], j, &rows, &mut n_filled))
            .collect::<Result<_>>()?;
        let n_dropped = n_before - rows.len();
        let kept: Vec<usize> = rows.iter().map(start).collect();
        let text = if self.keeps_text {
            Some(Text::new(&source, bytes, &places, &kept, self.has_header)?)
        } else {
            None
        };
        Ok(Table { columns, n_rows: kept.len(), n_dropped, n_filled, text })
    }

    fn policy(&self, name: &str) -> &Missing {
        self.missing_in.get(name).unwrap_or(&self.missing)
    }

    fn is_missing(&self, cell: &str) -> bool {
        self.tokens.iter().any(|token| token == cell)
    }

    /// The names of all columns; takes the header off the rows.
    fn names(
        &self,
        source: &Source<'_>,
        rows: &mut std::vec::IntoIter<StringRecord>,
    ) -> Result<Vec<String>> {
        if !self.has_header {
            let n = rows.as_slice().first().map_or(0, StringRecord::len);
            return Ok((0..n).map(|j| j.to_string()).collect());
        }
        let Some(header) = rows.next() else {
            return Err(source.corrupt_at(0, "expected a header line, got an empty file"));
        };
        let names: Vec<String> = header.iter().map(str::to_owned).collect();
        let mut seen = BTreeSet::new();
        match names.iter().find(|name| !seen.insert(name.as_str())) {
            Some(name) => Err(source.corrupt_at(0, format!("header names two columns {name:?}"))),
            None => Ok(names),
        }
    }

    /// The indices of the columns that are read; insists that every setting names one of the file's.
    fn select(&self, names: &[String]) -> Result<Vec<usize>> {
        let find = |name: &String| {
            names.iter().position(|n| n == name).ok_or_else(|| {
                Error::param("csv", "column", format!("one of {names:?}"), format!("{name:?}"))
            })
        };
        for name in self.kinds.keys().chain(self.missing_in.keys()) {
            find(name)?;
        }
        match &self.columns {
            Some(columns) => columns.iter().map(find).collect(),
            None => Ok((0..names.len()).collect()),
        }
    }

    fn column(
        &self,
        file: &File<'_>,
        name: &str,
        j: usize,
        rows: &[StringRecord],
        n_filled: &mut usize,
    ) -> Result<Column> {
        let policy = self.policy(name);
        let mut filled = Vec::new();
        let mut cells = Vec::with_capacity(rows.len());
        for (i, row) in rows.iter().enumerate() {
            cells.push(match policy {
                Missing::Constant(text) if self.is_missing(&row[j]) => {
                    filled.push(i);
                    text.as_str()
                }
                Missing::Mean if self.is_missing(&row[j]) => {
                    filled.push(i);
                    ""
                }
                _ => &row[j],
            });
        }
        *n_filled += filled.len();
        let has_no_mean = |reason: &str| {
            let value = format!("Mean for column {name:?}, {reason}");
            Error::param("csv", "missing", "a policy that fits the column", value)
        };
        // Places that wait for the mean; ascending, like `filled`.
        let waiting = if *policy == Missing::Mean { &filled[..] } else { &[] };
        let is_waiting = |i: usize| waiting.binary_search(&i).is_ok();
        let number = |text: &str| text.parse().ok().filter(|x: &f64| x.is_finite());
        let looks_numeric = || {
            let mut values = cells.iter().enumerate().filter(|(i, _)| !is_waiting(*i)).peekable();
            values.peek().is_some() && values.all(|(_, cell)| number(cell).is_some())
        };
        let kind = match self.kinds.get(name) {
            Some(kind) => *kind,
            None if looks_numeric() => Kind::Numeric,
            None => Kind::Categorical,
        };
        let data = match kind {
            Kind::Categorical if !waiting.is_empty() => {
                return Err(has_no_mean("which is not numeric"));
            }
            Kind::Categorical => {
                let unique: BTreeSet<&str> = cells.iter().copied().collect();
                let categories: Vec<&str> = unique.into_iter().collect();
                let code = |cell: &&str| categories.partition_point(|c| c < cell);
                ColumnData::Categorical {
                    codes: cells.iter().map(code).collect(),
                    categories: categories.iter().map(|&c| c.to_owned()).collect(),
                }
            }
            Kind::Numeric => {
                let mut values = Vec::with_capacity(cells.len());
                for (i, cell) in cells.iter().enumerate() {
                    values.push(match number(cell) {
                        Some(x) => x,
                        None if is_waiting(i) => 0.0,
                        None => {
                            let what = format!("expected a finite number, got {cell:?}");
                            return Err(file.corrupt_cell(&rows[i], name, &what));
                        }
                    });
                }
                if !waiting.is_empty() {
                    let n = values.len() - waiting.len();
                    if n == 0 {
                        return Err(has_no_mean("which has no values"));
                    }
                    let mean = values.iter().sum::<f64>() / n as f64;
                    for &i in waiting {
                        values[i] = mean;
                    }
                }
                ColumnData::Numeric(values)
            }
        };
        Ok(Column { name: name.to_owned(), data })
    }
}

/// A file that has been read, for the error texts.
struct File<'a> {
    source: &'a Source<'a>,
    bytes: &'a [u8],
}

impl File<'_> {
    /// Where the row begins that the parser places at `from`, and the blank lines before it. The
    /// parser's position may lie before or within the line end of the row above.
    fn skip_line_ends(&self, from: usize) -> (Vec<usize>, usize) {
        let at = |i: usize| self.bytes.get(i).copied();
        let before = from.checked_sub(1).and_then(at);
        let mut i = from;
        // The rest of the line end above.
        if before.is_some_and(|b| b != b'\n') {
            i += usize::from(before != Some(b'\r') && at(i) == Some(b'\r'));
            i += usize::from(at(i) == Some(b'\n'));
        }
        let mut blank = Vec::new();
        while let Some(b @ (b'\r' | b'\n')) = at(i) {
            blank.push(i);
            i += 1 + usize::from(b == b'\r' && at(i + 1) == Some(b'\n'));
        }
        (blank, i)
    }

    fn corrupt(&self, byte: usize, what: &str) -> Error {
        let line = self.bytes[..byte.min(self.bytes.len())].split(|&b| b == b'\n').count();
        self.source.corrupt_at(byte as u64, format!("line {line}{what}"))
    }

    fn corrupt_cell(&self, row: &StringRecord, column: &str, what: &str) -> Error {
        self.corrupt(start(row), &format!(", column {column:?}: {what}"))
    }
}

/// The byte at which a row begins.
fn start(record: &StringRecord) -> usize {
    record.position().map_or(0, Position::byte) as usize
}

fn set_start(record: &mut StringRecord, byte: usize) {
    let mut position = Position::new();
    position.set_byte(byte as u64);
    record.set_position(Some(position));
}

fn placed(mut record: StringRecord, byte: usize) -> StringRecord {
    set_start(&mut record, byte);
    record
}

/// The reader's complaint in our words.
fn refused(file: &File<'_>, error: &::csv::Error) -> Error {
    let what = match error.kind() {
        ErrorKind::UnequalLengths { expected_len, len, .. } => {
            format!(": expected {expected_len} values as in the first line, got {len}")
        }
        ErrorKind::Utf8 { err, .. } => format!(", field {}: expected UTF-8", err.field()),
        _ => format!(": {error}"),
    };
    let from = error.position().map_or(0, Position::byte) as usize;
    file.corrupt(file.skip_line_ends(from).1, &what)
}

/// Where a quoted value begins that the file never closes.
fn unclosed_quote(bytes: &[u8], delimiter: u8) -> Option<usize> {
    let mut is_start = true;
    let mut opened = None;
    let mut i = 0;
    while i < bytes.len() {
        let b = bytes[i];
        match opened {
            Some(_) if b == b'"' => {
                // Two in a row are one quote of the value.
                if bytes.get(i + 1) == Some(&b'"') {
                    i += 1;
                } else {
                    opened = None;
                }
                is_start = false;
            }
            Some(_) => {}
            None if b == b'"' && is_start => opened = Some(i),
            None => is_start = b == delimiter || b == b'\n' || b == b'\r',
        }
        i += 1;
    }
    opened
}
