//! Text: files, symbols and their numbers, windows for a model of the next symbol.
//!
//! [`Tokenizer`] cuts a text into symbols (characters or words), [`Vocabulary`] numbers them,
//! [`Windows`] is a data set of pieces of a long sequence, [`pad`] makes short ones equally long.
//!
//! # Examples
//!
//! ```
//! use purlin_data::text::{Tokenizer, Vocabulary, Windows};
//! use purlin_data::{Loader, TargetKind, Dataset};
//!
//! let tokenizer = Tokenizer::chars();
//! let symbols = tokenizer.tokenize("to be or not to be");
//! let vocabulary = Vocabulary::of(&symbols)?;
//! let windows = Windows::new(vocabulary.encode(&symbols)?, vocabulary.len(), 5)?;
//! assert_eq!(windows.target(), TargetKind::Steps { steps: 5, n_classes: 7 });
//!
//! let batch = Loader::new(windows).batch_size(2).epoch(0).next().unwrap()?;
//! let next = vocabulary.decode(&batch.y.classes().unwrap()[..5])?;
//! assert_eq!(tokenizer.join(&next), "o be "); // one further than "to be"
//! # Ok::<(), purlin_core::Error>(())
//! ```

#[cfg(feature = "bpe")]
mod bpe;
mod pad;
mod tokenizer;
mod vocabulary;
mod windows;

#[cfg(feature = "bpe")]
pub use bpe::Bpe;
pub use pad::pad;
pub use tokenizer::Tokenizer;
pub use vocabulary::{Vocabulary, VocabularyBuilder};
pub use windows::Windows;

use crate::source::Source;
use purlin_core::Result;
use std::path::Path;

/// Reads the lines of a UTF-8 text file, gzipped or not, without their line ends (`\n` or
/// `\r\n`). A byte-order mark at the start is dropped; a last line without a line end counts.
///
/// # Errors
///
/// - [`purlin_core::Error::Io`]: the file cannot be read.
/// - [`purlin_core::Error::CorruptFile`] with the byte offset: not UTF-8, or a damaged gzip stream.
///
/// # Examples
///
/// ```
/// use purlin_data::text;
///
/// let folder = tempfile::tempdir()?;
/// let path = folder.path().join("names.txt");
/// std::fs::write(&path, "emma\r\nolivia\n\nava")?;
/// assert_eq!(text::lines(&path)?, ["emma", "olivia", "", "ava"]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn lines(path: impl AsRef<Path>) -> Result<Vec<String>> {
    Ok(split(&read(path)?))
}

/// Reads a whole UTF-8 text file, gzipped or not; a byte-order mark at the start is dropped.
///
/// # Errors
///
/// As [`lines`].
pub fn read(path: impl AsRef<Path>) -> Result<String> {
    utf8(Source::open("text", path.as_ref())?)
}

pub(crate) fn utf8(mut source: Source<'_>) -> Result<String> {
    let bytes = source.rest()?;
    let mut text = String::from_utf8(bytes).map_err(|e| {
        let at = e.utf8_error().valid_up_to();
        let got = e.as_bytes()[at];
        source.corrupt_at(at as u64, format!("expected UTF-8, got the byte {got:#04x}"))
    })?;
    if text.starts_with('\u{feff}') {
        text.drain(..'\u{feff}'.len_utf8());
    }
    Ok(text)
}

fn split(text: &str) -> Vec<String> {
    text.lines().map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_of_all_kinds() {
        assert!(split("").is_empty());
        assert_eq!(split("\n"), [""]);
        assert_eq!(split("a\r\nb\rc\n"), ["a", "b\rc"]);
    }

    #[test]
    fn a_byte_that_is_not_utf8_is_named() {
        let source = Source::from_bytes("text", Path::new("t.txt"), b"ab\xffc");
        let text = utf8(source).unwrap_err().to_string();
        assert_eq!(text, "text: corrupt file t.txt at byte 2: expected UTF-8, got the byte 0xff");
        let source = Source::from_bytes("text", Path::new("t.txt"), b"\xef\xbb\xbfx");
        assert_eq!(utf8(source).unwrap(), "x");
    }
}
