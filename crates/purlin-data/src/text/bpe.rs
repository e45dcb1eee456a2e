//! Byte-pair encoding, by the `tokenizers` crate.

use purlin_core::{Error, Result};
use std::fmt;
use std::path::Path;
use tokenizers::models::bpe::{BPE, BpeTrainer};
use tokenizers::pre_tokenizers::byte_level::ByteLevel;
use tokenizers::{
    AddedToken, NormalizerWrapper, PostProcessorWrapper, TokenizerBuilder, TokenizerImpl,
};

const OP: &str = "bpe";

/// Bytes, which every encoding knows.
const N_BYTES: usize = 256;

type Inner = TokenizerImpl<BPE, NormalizerWrapper, ByteLevel, PostProcessorWrapper, ByteLevel>;

/// A byte-pair encoding: pieces of words that occur often, learnt from texts.
///
/// It begins with the 256 bytes and joins, again and again, the two neighbours that occur together
/// most often within words; of equal counts the pair with the smaller numbers. Words are cut as in
/// GPT-2, with the space before a word as a part of it. As every byte has a number, nothing is
/// unknown, and decoding gives the text back.
///
/// # Examples
///
/// ```
/// use purlin_data::text::Bpe;
///
/// let bpe = Bpe::train(&["low lower lowest", "new newer newest"], 270, &["<pad>"])?;
/// let numbers = bpe.encode("the newest")?;
/// assert!(numbers.len() < "the newest".len());
/// assert_eq!(bpe.decode(&numbers)?, "the newest");
/// assert_eq!(bpe.index("<pad>"), Some(0));
/// # Ok::<(), purlin_core::Error>(())
/// ```
///
/// # References
///
/// - R. Sennrich, B. Haddow, A. Birch, *Neural machine translation of rare words with subword
///   units*, ACL 2016.
#[derive(Clone)]
pub struct Bpe {
    inner: Inner,
}

impl Bpe {
    /// Learns at most `size` symbols from texts: the reserved ones, whose numbers are 0, 1, ..., the
    /// bytes, and what joins them. There are fewer if nothing is left to be joined.
    ///
    /// A text that spells a reserved symbol is encoded as that symbol.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidParam`]: `size` is below 256 and the reserved symbols, or two of these are
    /// the same.
    pub fn train(texts: &[impl AsRef<str> + Sync], size: usize, reserved: &[&str]) -> Result<Self> {
        let least = N_BYTES + reserved.len();
        if size < least {
            let rule = format!("at least {least} (bytes and reserved symbols)");
            return Err(Error::param(OP, "size", rule, size));
        }
        if let Some(i) = (1..reserved.len()).find(|&i| reserved[..i].contains(&reserved[i])) {
            let value = format!("{:?} twice", reserved[i]);
            return Err(Error::param(OP, "reserved", "different from each other", value));
        }
        let special = reserved.iter().map(|&symbol| AddedToken::from(symbol, true));
        let mut trainer = BpeTrainer::builder()
            .show_progress(false)
            .vocab_size(size)
            .special_tokens(special.collect())
            .initial_alphabet(ByteLevel::alphabet().into_iter().collect())
            .build();
        let failed = |err| Error::param(OP, "texts", "such that an encoding can be learnt", err);
        let mut inner: Inner = TokenizerBuilder::new()
            .with_model(BPE::default())
            .with_pre_tokenizer(Some(ByteLevel::default().add_prefix_space(false)))
            .with_decoder(Some(ByteLevel::default()))
            .build()
            .map_err(failed)?;
        inner.train(&mut trainer, texts.iter().map(AsRef::as_ref)).map_err(failed)?;
        Ok(Self { inner })
    }

    /// The number of symbols, reserved ones included.
    pub fn len(&self) -> usize {
        self.inner.get_vocab_size(true)
    }

    /// No symbols; it never happens.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The number of a symbol, written as the file writes it (a space is `Ġ`); `None` where there
    /// is none.
    pub fn index(&self, symbol: &str) -> Option<usize> {
        self.inner.token_to_id(symbol).map(|index| index as usize)
    }

    /// The symbol of a number, as the file writes it; `None` from [`Bpe::len`] on.
    pub fn symbol(&self, index: usize) -> Option<String> {
        self.inner.id_to_token(u32::try_from(index).ok()?)
    }

    /// The numbers of a text.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidParam`]: what the `tokenizers` crate refuses.
    pub fn encode(&self, text: &str) -> Result<Vec<usize>> {
        let failed = |err| Error::param(OP, "text", "such that it can be encoded", err);
        let encoding = self.inner.encode_fast(text, false).map_err(failed)?;
        Ok(encoding.get_ids().iter().map(|&index| index as usize).collect())
    }

    /// The text of numbers, reserved symbols as they are. Numbers that cut a character of several
    /// bytes give U+FFFD in its place.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidParam`] with the number and its position: it is not below [`Bpe::len`].
    pub fn decode(&self, indices: &[usize]) -> Result<String> {
        let n = self.len();
        if let Some(at) = indices.iter().position(|&index| index >= n) {
            let value = format!("{} at position {at}", indices[at]);
            return Err(Error::param(OP, "indices", format!("below {n}"), value));
        }
        let indices: Vec<u32> = indices.iter().map(|&index| index as u32).collect();
        let failed = |err| Error::param(OP, "indices", "such that they can be decoded", err);
        self.inner.decode(&indices, false).map_err(failed)
    }

    /// Writes a JSON file in the format of the `tokenizers` crate.
    ///
    /// # Errors
    ///
    /// [`Error::Io`]: the file cannot be written.
    pub fn save(&self, path: impl AsRef<Path>) -> Result<()> {
        let path = path.as_ref();
        let json = self.inner.to_string(false).map_err(std::io::Error::other);
        json.and_then(|json| std::fs::write(path, json)).map_err(|err| Error::io(OP, path, err))
    }

    /// Reads what [`Bpe::save`] wrote.
    ///
    /// # Errors
    ///
    /// - [`Error::Io`]: the file cannot be read.
    /// - [`Error::UnsupportedFile`]: it holds no byte-level byte-pair encoding.
    pub fn load(path: impl AsRef<Path>) -> Result<Self> {
        let path = path.as_ref();
        let bytes = std::fs::read(path).map_err(|err| Error::io(OP, path, err))?;
        match Inner::from_bytes(bytes) {
            Ok(inner) => Ok(Self { inner }),
            Err(err) => Err(Error::unsupported(OP, path, err.to_string())),
        }
    }
}

impl fmt::Debug for Bpe {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Bpe({} symbols)", self.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn trained() -> Bpe {
        Bpe::train(&["low lower lowest", "new newer newest"], 270, &["<pad>", "<s>"]).unwrap()
    }

    #[test]
    fn frequent_neighbours_are_joined_first() {
        // Of "aaab" three times and "ab" once: a a occurs 6 times, a b 4 times.
        let bpe = Bpe::train(&["aaab", "aaab", "aaab", "ab"], 258, &[]).unwrap();
        assert_eq!(bpe.len(), 258);
        assert_eq!(bpe.symbol(256).unwrap(), "aa");
        assert_eq!(bpe.symbol(258), None);
    }

    #[test]
    fn training_saving_and_loading_give_the_same() {
        let folder = tempfile::tempdir().unwrap();
        let (a, b) = (folder.path().join("a.json"), folder.path().join("b.json"));
        let bpe = trained();
        bpe.save(&a).unwrap();
        trained().save(&b).unwrap();
        assert_eq!(std::fs::read(&a).unwrap(), std::fs::read(&b).unwrap());
        let loaded = Bpe::load(&a).unwrap();
        let text = "<s>the lowest<pad>";
        assert_eq!(loaded.encode(text).unwrap(), bpe.encode(text).unwrap());
        assert_eq!(bpe.encode(text).unwrap()[0], 1);
        assert_eq!(loaded.decode(&loaded.encode(text).unwrap()).unwrap(), text);
        std::fs::write(&a, "{}").unwrap();
        assert!(matches!(Bpe::load(&a), Err(Error::UnsupportedFile { .. })));
        assert!(matches!(Bpe::load(folder.path().join("c")), Err(Error::Io { .. })));
    }

    #[test]
    fn what_does_not_fit_is_named() {
        let text =
            |size, reserved: &[&str]| Bpe::train(&["a"], size, reserved).unwrap_err().to_string();
        assert_eq!(
            text(256, &["x"]),
            "bpe: size must be at least 257 (bytes and reserved symbols), got 256"
        );
        assert_eq!(
            text(300, &["x", "x"]),
            "bpe: reserved must be different from each other, got \"x\" twice"
        );
        let bpe = trained();
        assert_eq!(
            bpe.decode(&[0, bpe.len()]).unwrap_err().to_string(),
            format!("bpe: indices must be below {0}, got {0} at position 1", bpe.len())
        );
    }

    proptest! {
        #[test]
        fn any_text_comes_back(text in "\\PC{0,30}|[a-w \n]{0,40}") {
            let bpe = trained();
            prop_assert_eq!(bpe.decode(&bpe.encode(&text).unwrap()).unwrap(), text);
        }
    }
}
