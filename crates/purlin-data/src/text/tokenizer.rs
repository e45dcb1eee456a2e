//! Cutting a text into symbols.

use serde::{Deserialize, Serialize};
use std::borrow::Cow;

/// Cuts a text into characters or words.
///
/// A character is a Unicode scalar value, spaces and line ends included. Words are what lies
/// between white space; with [`Tokenizer::split_punctuation`] a punctuation mark is a symbol of its
/// own. The tokeniser is saved with a model (`serde`).
///
/// # Examples
///
/// ```
/// use purlin_data::text::Tokenizer;
///
/// let words = Tokenizer::words().lowercase().split_punctuation();
/// assert_eq!(words.tokenize("Don't stop, Anna!"), ["don't", "stop", ",", "anna", "!"]);
/// assert_eq!(Tokenizer::words().tokenize(" Don't  stop,"), ["Don't", "stop,"]);
/// assert_eq!(Tokenizer::chars().tokenize("ab\n"), ["a", "b", "\n"]);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tokenizer {
    unit: Unit,
    lowercase: bool,
    split_punctuation: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Unit {
    Chars,
    Words,
}

impl Tokenizer {
    /// Every character is a symbol.
    pub fn chars() -> Self {
        Self { unit: Unit::Chars, lowercase: false, split_punctuation: false }
    }

    /// Every word is a symbol.
    pub fn words() -> Self {
        Self { unit: Unit::Words, lowercase: false, split_punctuation: false }
    }

    /// Writes symbols in lower case, by the rules of Unicode.
    #[must_use]
    pub fn lowercase(mut self) -> Self {
        self.lowercase = true;
        self
    }

    /// Takes punctuation marks off the words, each as a symbol of its own; for characters it means
    /// nothing.
    ///
    /// Marks are those of ASCII, `¡ § « ¶ · » ¿`, the block of general punctuation (U+2010 to
    /// U+205E: dashes, quotes, ellipsis) and U+3001 to U+3011 of East Asian texts. An apostrophe
    /// (`'` or `’`) between two letters or digits stays in its word.
    #[must_use]
    pub fn split_punctuation(mut self) -> Self {
        self.split_punctuation = true;
        self
    }

    /// The symbols of a text, in their order. They borrow from it unless lower-casing changes them.
    pub fn tokenize<'a>(&self, text: &'a str) -> Vec<Cow<'a, str>> {
        let mut symbols = Vec::new();
        let mut push = |symbol: &'a str| symbols.push(self.in_case(symbol));
        match self.unit {
            Unit::Chars => {
                for (at, c) in text.char_indices() {
                    push(&text[at..at + c.len_utf8()]);
                }
            }
            Unit::Words => {
                for word in text.split_whitespace() {
                    if self.split_punctuation {
                        split_word(word, &mut push);
                    } else {
                        push(word);
                    }
                }
            }
        }
        symbols
    }

    /// A text of symbols: characters one after the other, words with a space between any two.
    ///
    /// White space and case that [`Tokenizer::tokenize`] dropped do not come back.
    ///
    /// ```
    /// use purlin_data::text::Tokenizer;
    ///
    /// assert_eq!(Tokenizer::words().join(&["to", "be"]), "to be");
    /// assert_eq!(Tokenizer::chars().join(&["t", "o"]), "to");
    /// ```
    pub fn join(&self, symbols: &[impl AsRef<str>]) -> String {
        let between = if self.unit == Unit::Words { " " } else { "" };
        symbols.iter().map(AsRef::as_ref).collect::<Vec<_>>().join(between)
    }

    fn in_case(self, symbol: &str) -> Cow<'_, str> {
        let is_lower = !self.lowercase || symbol.chars().all(|c| c.to_lowercase().eq([c]));
        if is_lower { Cow::Borrowed(symbol) } else { Cow::Owned(symbol.to_lowercase()) }
    }
}

fn split_word<'a>(word: &'a str, push: &mut impl FnMut(&'a str)) {
    let mut from = 0;
    for (at, c) in word.char_indices() {
        let after = at + c.len_utf8();
        let is_within = matches!(c, '\'' | '’')
            && at > from
            && word[..at].ends_with(char::is_alphanumeric)
            && word[after..].starts_with(char::is_alphanumeric);
        if is_punctuation(c) && !is_within {
            if at > from {
                push(&word[from..at]);
            }
            push(&word[at..after]);
            from = after;
        }
    }
    if from < word.len() {
        push(&word[from..]);
    }
}

fn is_punctuation(c: char) -> bool {
    c.is_ascii_punctuation()
        || matches!(c, '¡' | '§' | '«' | '¶' | '·' | '»' | '¿')
        || matches!(c, '\u{2010}'..='\u{205e}' | '\u{3001}'..='\u{3011}')
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn marks_come_off_and_accents_stay() {
        let words = Tokenizer::words().split_punctuation();
        let symbols = words.tokenize("«Cafe\u{301}» — l’été's 'end' 3.5 don''t");
        let expected = [
            "«",
            "Cafe\u{301}",
            "»",
            "—",
            "l’été's",
            "'",
            "end",
            "'",
            "3",
            ".",
            "5",
            "don",
            "'",
            "'",
            "t",
        ];
        assert_eq!(symbols, expected);
        assert!(words.tokenize(" \n\t").is_empty());
        assert_eq!(words.tokenize("..."), [".", ".", "."]);
    }

    #[test]
    fn lower_case_follows_unicode() {
        let words = Tokenizer::words().lowercase();
        assert_eq!(words.tokenize("ΟΔΟΣ Straße İ"), ["οδος", "straße", "i\u{307}"]);
        let is_borrowed = |symbol: &Cow<str>| matches!(symbol, Cow::Borrowed(_));
        let kept: Vec<bool> = words.tokenize("Abc abc").iter().map(is_borrowed).collect();
        assert_eq!(kept, [false, true]);
    }

    proptest! {
        #[test]
        fn nothing_but_white_space_is_lost(text in "[a-c'.,«’é \n]{0,40}") {
            prop_assert_eq!(Tokenizer::chars().join(&Tokenizer::chars().tokenize(&text)), &*text);
            let bare: String = text.chars().filter(|c| !c.is_whitespace()).collect();
            for words in [Tokenizer::words(), Tokenizer::words().split_punctuation()] {
                let symbols = words.tokenize(&text);
                prop_assert_eq!(symbols.concat(), &*bare);
                prop_assert!(symbols.iter().all(|symbol| !symbol.is_empty()));
            }
        }
    }
}
