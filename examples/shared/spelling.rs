//! Texts as numbers of their signs, between a sign that begins and one that ends.
#![allow(dead_code, reason = "each example takes what it needs")]

use purlin::core::Result;
use purlin::data::text::{Tokenizer, Vocabulary, pad};
use purlin::tensor::Tensor;

/// The signs of some texts, and three that no text has.
pub(crate) struct Spelling {
    pub(crate) signs: Vocabulary,
    pub(crate) padding: usize,
    pub(crate) begin: usize,
    pub(crate) end: usize,
}

impl Spelling {
    pub(crate) fn of<'a>(texts: impl IntoIterator<Item = &'a str>) -> Result<Self> {
        let tokens = texts.into_iter().flat_map(|text| Tokenizer::chars().tokenize(text));
        let signs =
            Vocabulary::builder().padding("\0").begin("\u{1}").end("\u{2}").build(tokens)?;
        let (Some(padding), Some(begin), Some(end)) = (signs.padding(), signs.begin(), signs.end())
        else {
            unreachable!("all three were asked for")
        };
        Ok(Self { signs, padding, begin, end })
    }

    pub(crate) fn encode(&self, text: &str) -> Result<Vec<usize>> {
        self.signs.encode(&Tokenizer::chars().tokenize(text))
    }

    /// The text before the end.
    pub(crate) fn decode(&self, numbers: &[usize]) -> Result<String> {
        let text = numbers.split(|&sign| sign == self.end).next().unwrap_or_default();
        let text: Vec<usize> = text
            .iter()
            .copied()
            .filter(|sign| ![self.padding, self.begin].contains(sign))
            .collect();
        Ok(self.signs.decode(&text)?.concat())
    }

    /// What a model reads and what it is to write: each text behind the sign that begins,
    /// `(texts, steps)`, and before the one that ends, row after row; filled up to the longest.
    pub(crate) fn shifted(&self, texts: &[&str]) -> Result<(Tensor, Vec<usize>)> {
        let (mut before, mut after) = (Vec::new(), Vec::new());
        for text in texts {
            let numbers = self.encode(text)?;
            before.push([&[self.begin], &numbers[..]].concat());
            after.push([&numbers[..], &[self.end]].concat());
        }
        let (before, lengths) = pad(&before, self.padding);
        let (after, _) = pad(&after, self.padding);
        let steps = lengths.iter().copied().max().unwrap_or(0);
        Ok((Tensor::from_fn([texts.len(), steps], |i| before[i] as f32), after))
    }
}
