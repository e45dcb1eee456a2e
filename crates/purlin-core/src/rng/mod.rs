//! Seeded random streams: every draw is named by *(seed, purpose, index)*.
//!
//! There is no global generator. A [`Stream`] is made from a seed and a purpose; it hands out an
//! independent [`Rng`] per index. Item `i` of an array, block `i` of a fill or sample `i` of a
//! data set asks for `stream.rng(i)`, so it gets the same draws whichever thread makes them and
//! in whatever order.
//!
//! # The generator
//!
//! ChaCha with 8 rounds: 64-byte blocks of keystream, a pure function of a 256-bit key, a 64-bit
//! stream number and a 64-bit block counter. [`Stream`] holds the key; `rng(index)` reads stream
//! number `index` from block 0 on.
//!
//! # The key
//!
//! The mixing is part of the interface: changing it changes every result and is announced as a
//! value change.
//!
//! 1. The root key is the seed (8 bytes, little-endian) followed by the 24 ASCII bytes
//!    `purlin random streams v1`.
//! 2. A purpose is absorbed as a list of 64-bit words: its length in bytes, then its UTF-8 bytes
//!    in groups of eight, little-endian, the last group filled up with zeros. The length in front
//!    makes the list of a path uniquely decodable: `"ab"` then `"c"` is not `"a"` then `"bc"`.
//! 3. One word `w` turns key `k` into the first 32 bytes of block `2^63` of stream `w` under
//!    `k`. No generator ever reads that far, so a child's key never shows up among its parent's
//!    draws.
//!
//! # Examples
//!
//! ```
//! use purlin_core::rng::Stream;
//!
//! let stream = Stream::new(42, "dropout").child("layer 3");
//! let (mut a, mut b) = (stream.rng(0), stream.rng(1));
//! assert_ne!(a.uniform(), b.uniform());
//! assert_eq!(stream.rng(7).permutation(10), stream.rng(7).permutation(10));
//! ```
//!
//! # References
//!
//! - D. J. Bernstein, *ChaCha, a variant of Salsa20*, SASC 2008.
//! - O. Goldreich, S. Goldwasser, S. Micali, *How to construct random functions*, J. ACM 33(4),
//!   1986: the tree in which a key is derived from a key.

mod generator;

pub use generator::{Rng, RngState};

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng as _, SeedableRng};
use std::fmt;

/// The last 24 bytes of every root key.
const DOMAIN: &[u8; 24] = b"purlin random streams v1";

/// Where keys are derived: the first 32-bit word of block `2^63`.
const DERIVATION_WORD: u128 = 1 << 67;

/// A family of independent generators, named by a seed and a path of purposes.
///
/// Copying is free and draws nothing: a stream has no position. See the [module](self) for how
/// the name becomes a key.
///
/// # Examples
///
/// ```
/// use purlin_core::rng::Stream;
///
/// let init = Stream::new(1, "init");
/// assert_eq!(init.child("weight"), Stream::new(1, "init").child("weight"));
/// assert_ne!(init.child("weight"), init.child("bias"));
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Stream {
    key: [u8; 32],
}

impl Stream {
    /// The stream of `purpose` under `seed`.
    pub fn new(seed: u64, purpose: &str) -> Self {
        let mut key = [0; 32];
        key[..8].copy_from_slice(&seed.to_le_bytes());
        key[8..].copy_from_slice(DOMAIN);
        Self { key }.child(purpose)
    }

    /// The stream of a purpose within this one.
    #[must_use]
    pub fn child(&self, purpose: &str) -> Self {
        let mut key = derive(&self.key, purpose.len() as u64);
        for group in purpose.as_bytes().chunks(8) {
            let mut word = [0; 8];
            word[..group.len()].copy_from_slice(group);
            key = derive(&key, u64::from_le_bytes(word));
        }
        Self { key }
    }

    /// The stream of item `index` within this one, for an item that needs streams of its own:
    /// an epoch, an environment, a restart. It differs from every [`Stream::child`] by name.
    #[must_use]
    pub fn child_at(&self, index: u64) -> Self {
        // No purpose is this long, so the word cannot be the length of one.
        Self { key: derive(&derive(&self.key, u64::MAX), index) }
    }

    /// The generator of item or block `index`.
    pub fn rng(&self, index: u64) -> Rng {
        Rng::from_key(self.key, index)
    }

    /// The ChaCha8 key, for kernels that make the same keystream with vectors.
    pub fn key(&self) -> [u8; 32] {
        self.key
    }
}

impl fmt::Debug for Stream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Stream(")?;
        for byte in &self.key[..8] {
            write!(f, "{byte:02x}")?;
        }
        write!(f, "..)")
    }
}

/// Step 3 of the key mixing.
fn derive(key: &[u8; 32], word: u64) -> [u8; 32] {
    let mut chacha = ChaCha8Rng::from_seed(*key);
    chacha.set_stream(word);
    chacha.set_word_pos(DERIVATION_WORD);
    let mut out = [0; 32];
    chacha.fill_bytes(&mut out);
    out
}
