//! Numbers of symbols.

use crate::source::Source;
use purlin_core::{Error, Result};
use serde::{Deserialize, Serialize};
use std::collections::HashMap;
use std::path::Path;

const OP: &str = "vocabulary";

/// Symbols and their numbers, `0..len()`.
///
/// Reserved symbols come first (padding, unknown, begin, end, those that are set), then the others
/// by falling count; of equal counts the one that is less by its code points. So the numbers depend
/// on how often each symbol occurs, not on where.
///
/// # Examples
///
/// ```
/// use purlin_data::text::{Tokenizer, Vocabulary};
///
/// let symbols = Tokenizer::words().tokenize("the cat and the dog and the bird");
/// let vocabulary = Vocabulary::builder().padding("<pad>").unknown("<unk>").min_count(2).build(&symbols)?;
/// assert_eq!(vocabulary.symbols(), ["<pad>", "<unk>", "the", "and"]);
/// assert_eq!(vocabulary.encode(&["the", "cat"])?, [2, 1]);
/// assert_eq!(vocabulary.decode(&[3, 2])?, ["and", "the"]);
/// # Ok::<(), purlin_core::Error>(())
/// ```
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(try_from = "Record")]
pub struct Vocabulary {
    symbols: Vec<String>,
    padding: Option<usize>,
    unknown: Option<usize>,
    begin: Option<usize>,
    end: Option<usize>,
    #[serde(skip)]
    index: HashMap<String, usize>,
}

/// What a file holds; it becomes a vocabulary once it has been checked.
#[derive(Deserialize)]
struct Record {
    symbols: Vec<String>,
    padding: Option<usize>,
    unknown: Option<usize>,
    begin: Option<usize>,
    end: Option<usize>,
}

impl TryFrom<Record> for Vocabulary {
    type Error = Error;

    fn try_from(record: Record) -> Result<Self> {
        let Record { symbols, padding, unknown, begin, end } = record;
        let n = symbols.len();
        let reserved = [("padding", padding), ("unknown", unknown), ("begin", begin), ("end", end)];
        for (name, index) in reserved {
            if let Some(index) = index.filter(|&index| index >= n) {
                return Err(Error::param(OP, name, format!("below {n}"), index));
            }
        }
        let mut index = HashMap::with_capacity(n);
        for (i, symbol) in symbols.iter().enumerate() {
            if let Some(first) = index.insert(symbol.clone(), i) {
                let value = format!("{symbol:?} at {first} and {i}");
                return Err(Error::param(OP, "symbols", "different from each other", value));
            }
        }
        if symbols.is_empty() {
            return Err(Error::shape(OP, "at least 1 symbol", 0));
        }
        Ok(Self { symbols, padding, unknown, begin, end, index })
    }
}

/// Two vocabularies are equal if they have the same symbols in the same order, and reserve the same.
impl PartialEq for Vocabulary {
    fn eq(&self, other: &Self) -> bool {
        let reserved = |v: &Self| (v.padding, v.unknown, v.begin, v.end);
        self.symbols == other.symbols && reserved(self) == reserved(other)
    }
}

impl Eq for Vocabulary {}

impl Vocabulary {
    /// All symbols that occur, none reserved.
    ///
    /// # Errors
    ///
    /// [`Error::Shape`]: there are none.
    ///
    /// # Examples
    ///
    /// ```
    /// use purlin_data::text::Vocabulary;
    ///
    /// let vocabulary = Vocabulary::of(["b", "a", "c", "b"])?;
    /// assert_eq!(vocabulary.symbols(), ["b", "a", "c"]);
    /// # Ok::<(), purlin_core::Error>(())
    /// ```
    pub fn of(symbols: impl IntoIterator<Item = impl AsRef<str>>) -> Result<Self> {
        Self::builder().build(symbols)
    }

    /// Options first.
    pub fn builder() -> VocabularyBuilder {
        VocabularyBuilder::default()
    }

    /// The number of symbols, reserved ones included.
    pub fn len(&self) -> usize {
        self.symbols.len()
    }

    /// No symbols; it never happens.
    pub fn is_empty(&self) -> bool {
        self.symbols.is_empty()
    }

    /// All symbols, by their numbers.
    pub fn symbols(&self) -> &[String] {
        &self.symbols
    }

    /// The number of a symbol; `None` where there is none.
    pub fn index(&self, symbol: &str) -> Option<usize> {
        self.index.get(symbol).copied()
    }

    /// The symbol of a number; `None` from [`Vocabulary::len`] on.
    pub fn symbol(&self, index: usize) -> Option<&str> {
        self.symbols.get(index).map(String::as_str)
    }

    /// The number that fills sequences up, where one is reserved.
    pub fn padding(&self) -> Option<usize> {
        self.padding
    }

    /// The number of everything that has none of its own, where one is reserved.
    pub fn unknown(&self) -> Option<usize> {
        self.unknown
    }

    /// The number that opens a sequence, where one is reserved.
    pub fn begin(&self) -> Option<usize> {
        self.begin
    }

    /// The number that closes a sequence, where one is reserved.
    pub fn end(&self) -> Option<usize> {
        self.end
    }

    /// The numbers of symbols. Neither begin nor end is added.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidParam`] with the symbol and its position: it is not in the vocabulary, which
    /// reserves no unknown symbol.
    pub fn encode(&self, symbols: &[impl AsRef<str>]) -> Result<Vec<usize>> {
        let number = |(at, symbol): (usize, &_)| {
            let symbol: &str = AsRef::as_ref(symbol);
            self.index(symbol).or(self.unknown).ok_or_else(|| {
                let value = format!("{symbol:?} at position {at}");
                Error::param(OP, "symbols", "in the vocabulary, which has none for unknown", value)
            })
        };
        symbols.iter().enumerate().map(number).collect()
    }

    /// The symbols of numbers, reserved ones as they are.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidParam`] with the number and its position: it is not below
    /// [`Vocabulary::len`].
    pub fn decode(&self, indices: &[usize]) -> Result<Vec<&str>> {
        let symbol = |(at, &index): (usize, &usize)| {
            self.symbol(index).ok_or_else(|| {
                let value = format!("{index} at position {at}");
                Error::param(OP, "indices", format!("below {}", self.len()), value)
            })
        };
        indices.iter().enumerate().map(symbol).collect()
    }

    /// Writes a JSON file.
    ///
    /// # Errors
    ///
    /// [`Error::Io`]: the file cannot be written.
    ///
    /// # Examples
    ///
    /// ```
    /// use purlin_data::text::Vocabulary;
    ///
    /// let folder = tempfile::tempdir()?;
    /// let path = folder.path().join("vocabulary.json");
    /// let vocabulary = Vocabulary::builder().unknown("?").build(["a", "\n"])?;
    /// vocabulary.save(&path)?;
    /// assert_eq!(Vocabulary::load(&path)?, vocabulary);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn save(&self, path: impl AsRef<Path>) -> Result<()> {
        let path = path.as_ref();
        let json = serde_json::to_string(self).expect("strings and numbers have a JSON form");
        std::fs::write(path, json).map_err(|source| Error::io(OP, path, source))
    }

    /// Reads what [`Vocabulary::save`] wrote.
    ///
    /// # Errors
    ///
    /// - [`Error::Io`]: the file cannot be read.
    /// - [`Error::CorruptFile`]: it holds no vocabulary.
    pub fn load(path: impl AsRef<Path>) -> Result<Self> {
        let path = path.as_ref();
        let json = super::utf8(Source::open(OP, path)?)?;
        serde_json::from_str(&json).map_err(|err| {
            let before: usize =
                json.split_inclusive('\n').take(err.line().saturating_sub(1)).map(str::len).sum();
            let offset = before + err.column().saturating_sub(1);
            Error::corrupt(OP, path, offset as u64, err.to_string())
        })
    }
}

/// The options of a [`Vocabulary`].
///
/// | option | default |
/// |---|---|
/// | `padding`, `unknown`, `begin`, `end` | not reserved |
/// | `min_count` | 1: every symbol |
/// | `max_size` | none |
#[derive(Debug, Clone, Default)]
#[must_use = "nothing is counted until `build` is called"]
pub struct VocabularyBuilder {
    padding: Option<String>,
    unknown: Option<String>,
    begin: Option<String>,
    end: Option<String>,
    min_count: u64,
    max_size: Option<usize>,
}

impl VocabularyBuilder {
    /// Reserves a symbol that fills sequences up; it gets the number 0.
    pub fn padding(mut self, symbol: impl Into<String>) -> Self {
        self.padding = Some(symbol.into());
        self
    }

    /// Reserves a symbol for what has no number of its own.
    pub fn unknown(mut self, symbol: impl Into<String>) -> Self {
        self.unknown = Some(symbol.into());
        self
    }

    /// Reserves a symbol that opens a sequence.
    pub fn begin(mut self, symbol: impl Into<String>) -> Self {
        self.begin = Some(symbol.into());
        self
    }

    /// Reserves a symbol that closes a sequence.
    pub fn end(mut self, symbol: impl Into<String>) -> Self {
        self.end = Some(symbol.into());
        self
    }

    /// Leaves out symbols that occur fewer times.
    pub fn min_count(mut self, count: u64) -> Self {
        self.min_count = count;
        self
    }

    /// The most symbols in all, reserved ones included; the rarest are left out.
    pub fn max_size(mut self, size: usize) -> Self {
        self.max_size = Some(size);
        self
    }

    /// Counts symbols and numbers them. A reserved symbol that occurs keeps its reserved number.
    ///
    /// # Errors
    ///
    /// - [`Error::InvalidParam`]: two reserved symbols are the same, or they are more than
    ///   `max_size`.
    /// - [`Error::Shape`]: no symbol is left.
    pub fn build(self, symbols: impl IntoIterator<Item = impl AsRef<str>>) -> Result<Vocabulary> {
        let mut counts: HashMap<String, u64> = HashMap::new();
        for symbol in symbols {
            let symbol = symbol.as_ref();
            match counts.get_mut(symbol) {
                Some(count) => *count += 1,
                None => {
                    counts.insert(symbol.to_owned(), 1);
                }
            }
        }
        let mut all: Vec<String> = Vec::new();
        let mut reserve = |symbol: Option<String>| {
            let symbol = symbol?;
            counts.remove(&symbol);
            all.push(symbol);
            Some(all.len() - 1)
        };
        let padding = reserve(self.padding);
        let unknown = reserve(self.unknown);
        let begin = reserve(self.begin);
        let end = reserve(self.end);
        let max_size = self.max_size.unwrap_or(usize::MAX);
        if all.len() > max_size {
            let rule = format!("at least the {} reserved symbols", all.len());
            return Err(Error::param(OP, "max_size", rule, max_size));
        }
        let mut counted: Vec<(String, u64)> =
            counts.into_iter().filter(|(_, count)| *count >= self.min_count).collect();
        counted.sort_unstable_by(|(a, n), (b, m)| m.cmp(n).then_with(|| a.cmp(b)));
        counted.truncate(max_size - all.len());
        all.extend(counted.into_iter().map(|(symbol, _)| symbol));
        Record { symbols: all, padding, unknown, begin, end }.try_into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn reserved_symbols_come_first_and_the_rare_are_left_out() {
        let build = |max_size| {
            Vocabulary::builder()
                .end("</s>")
                .padding("_")
                .begin("<s>")
                .unknown("?")
                .max_size(max_size)
                .build(["b", "c", "a", "c", "?", "<s>"])
        };
        let vocabulary = build(6).unwrap();
        assert_eq!(vocabulary.symbols(), ["_", "?", "<s>", "</s>", "c", "a"]);
        let reserved =
            (vocabulary.padding(), vocabulary.unknown(), vocabulary.begin(), vocabulary.end());
        assert_eq!(reserved, (Some(0), Some(1), Some(2), Some(3)));
        assert_eq!(vocabulary.encode(&["<s>", "a", "b"]).unwrap(), [2, 5, 1]);
        assert_eq!((vocabulary.index("a"), vocabulary.index("b")), (Some(5), None));
        assert_eq!((vocabulary.symbol(5), vocabulary.symbol(6)), (Some("a"), None));
        assert_eq!(build(4).unwrap().len(), 4);
        assert_eq!(
            build(3).unwrap_err().to_string(),
            "vocabulary: max_size must be at least the 4 reserved symbols, got 3"
        );
    }

    #[test]
    fn what_does_not_fit_is_named() {
        let vocabulary = Vocabulary::of(["a", "b"]).unwrap();
        let text = |err: Error| err.to_string();
        assert_eq!(
            text(vocabulary.encode(&["a", "x"]).unwrap_err()),
            "vocabulary: symbols must be in the vocabulary, which has none for unknown, got \"x\" \
             at position 1"
        );
        assert_eq!(
            text(vocabulary.decode(&[1, 2]).unwrap_err()),
            "vocabulary: indices must be below 2, got 2 at position 1"
        );
        assert_eq!(
            text(Vocabulary::of(&[] as &[&str]).unwrap_err()),
            "vocabulary: expected at least 1 symbol, got 0"
        );
        assert_eq!(
            text(Vocabulary::builder().begin("s").end("s").build(["a"]).unwrap_err()),
            "vocabulary: symbols must be different from each other, got \"s\" at 0 and 1"
        );
    }

    #[test]
    fn a_damaged_file_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("v.json");
        let load = |json: &str| {
            std::fs::write(&path, json).unwrap();
            Vocabulary::load(&path).unwrap_err().to_string()
        };
        assert!(load("{\n\"symbols\": 3}").contains("at byte 13: invalid type: integer `3`"));
        assert!(load(r#"{"symbols":["a","a"]}"#).contains("symbols must be different"));
        assert!(
            load(r#"{"symbols":["a"],"padding":1}"#).contains("padding must be below 1, got 1")
        );
        assert!(load("").contains("at byte 0: EOF"));
    }

    proptest! {
        #[test]
        fn numbers_and_symbols_go_both_ways(text in "[a-f ]{1,60}", min_count in 0u64..4) {
            let symbols: Vec<String> = text.chars().map(String::from).collect();
            let vocabulary =
                Vocabulary::builder().unknown("?").min_count(min_count).build(&symbols).unwrap();
            for (i, symbol) in vocabulary.symbols().iter().enumerate() {
                prop_assert_eq!(vocabulary.index(symbol), Some(i));
            }
            let numbers = vocabulary.encode(&symbols).unwrap();
            let back = vocabulary.decode(&numbers).unwrap();
            for (symbol, back) in symbols.iter().zip(back) {
                let count = symbols.iter().filter(|other| *other == symbol).count() as u64;
                prop_assert_eq!(back, if count >= min_count { symbol } else { "?" });
            }
            // The order of the text means nothing.
            let mut reversed = symbols.clone();
            reversed.reverse();
            let again =
                Vocabulary::builder().unknown("?").min_count(min_count).build(&reversed).unwrap();
            prop_assert_eq!(&again, &vocabulary);
            let json = serde_json::to_string(&vocabulary).unwrap();
            prop_assert_eq!(&serde_json::from_str::<Vocabulary>(&json).unwrap(), &vocabulary);
        }
    }
}
