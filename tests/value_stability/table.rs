//! Rows of name, seed and hash.

use purlin::core::Real;
use purlin::tensor::Tensor;
use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

const HEADER: &str = "# Hashes of results, by algorithm and seed; see docs/reproducibility.md.\n\
    # PURLIN_UPDATE_VALUES=1 cargo test -p purlin --test value_stability\n";

/// Hashes by (name, seed).
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Table(BTreeMap<(String, u64), u64>);

impl Table {
    pub(crate) fn row(&mut self, name: impl Into<String>, seed: u64, hash: Hash) {
        let name = name.into();
        assert!(!name.contains(' '), "{name:?} must be one word");
        let earlier = self.0.insert((name.clone(), seed), hash.0);
        assert_eq!(earlier, None, "{name} {seed} must be one row");
    }

    /// One line for each row that is not as in `old`.
    pub(crate) fn changes_since(&self, old: &Self) -> Vec<String> {
        let mut changes = Vec::new();
        for (key @ (name, seed), now) in &self.0 {
            match old.0.get(key) {
                None => changes.push(format!("  {name} {seed} is new")),
                Some(then) if then != now => {
                    changes.push(format!("  {name} {seed}: {now:016x}, was {then:016x}"));
                }
                Some(_) => {}
            }
        }
        let gone = old.0.keys().filter(|key| !self.0.contains_key(key));
        changes.extend(gone.map(|(name, seed)| format!("  {name} {seed} is gone")));
        changes
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(HEADER)?;
        self.0.iter().try_for_each(|((name, seed), hash)| writeln!(f, "{name} {seed} {hash:016x}"))
    }
}

impl FromStr for Table {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let row = |line: &str| {
            let [name, seed, hash] = line.split(' ').collect::<Vec<_>>().try_into().ok()?;
            let hash = u64::from_str_radix(hash, 16).ok()?;
            Some(((name.to_owned(), seed.parse().ok()?), hash))
        };
        let lines = text.lines().filter(|line| !line.starts_with('#'));
        let rows: Result<_, String> =
            lines.map(|line| row(line).ok_or_else(|| format!("not a row: {line}"))).collect();
        Ok(Self(rows?))
    }
}

/// FNV-1a with 64 bits over little-endian bytes; every NaN is the same one.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Hash(u64);

impl Hash {
    pub(crate) fn new() -> Self {
        Self(0xcbf2_9ce4_8422_2325)
    }

    pub(crate) fn of<T: Real>(x: &[T]) -> Self {
        Self::new().numbers(x)
    }

    fn byte(self, byte: u8) -> Self {
        Self((self.0 ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3))
    }

    pub(crate) fn words(self, words: impl IntoIterator<Item = u64>) -> Self {
        words.into_iter().flat_map(u64::to_le_bytes).fold(self, Self::byte)
    }

    pub(crate) fn numbers<T: Real>(self, x: &[T]) -> Self {
        self.words(x.iter().map(|x| if x.is_nan() { u64::MAX } else { x.to_bits() }))
    }

    pub(crate) fn indices(self, x: &[usize]) -> Self {
        self.words(x.iter().map(|&i| i as u64))
    }

    /// Shape and values.
    pub(crate) fn tensor<T: Real>(self, x: &Tensor<T>) -> Self {
        self.indices(x.dims()).numbers(x.data())
    }
}

#[test]
fn changes_are_named_and_the_text_can_be_read_back() {
    let mut old = Table::default();
    old.row("a", 1, Hash::of(&[1.0f32]));
    old.row("b", 1, Hash::of(&[f64::NAN]));
    assert_eq!(old.to_string().parse(), Ok(Table(old.0.clone())));
    let mut new = Table::default();
    new.row("a", 1, Hash::of(&[1.0f64]));
    new.row("b", 1, Hash::of(&[-f64::NAN]));
    new.row("b", 2, Hash::new());
    let changes = new.changes_since(&old);
    assert_eq!(changes.len(), 2);
    assert!(changes[0].starts_with("  a 1: ") && changes[1] == "  b 2 is new", "{changes:?}");
    assert_eq!(old.changes_since(&new)[1], "  b 2 is gone");
    // The test vector of the authors of FNV.
    assert_eq!(Hash::new().byte(b'a').0, 0xaf63_dc4c_8601_ec8c);
}
