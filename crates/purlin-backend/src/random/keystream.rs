//! The keystream of `purlin_core::rng`, many blocks at a time.

/// Blocks that are computed side by side: so many that the compiler keeps the loops over them and
/// makes vectors of these; with 16 or 32 it makes gathers, which take twice the time.
const SIDE_BY_SIDE: usize = 64;

/// 64-bit words of a block.
const WORDS: usize = 8;

/// Word `w` of each block.
type Vector = [u32; SIDE_BY_SIDE];

/// The words that `Stream::rng(index)` draws under this key, from the first on.
///
/// ChaCha with 8 rounds (D. J. Bernstein, *ChaCha, a variant of Salsa20*, SASC 2008): integers
/// alone, so the loops over the blocks become vectors of whatever the caller has switched on.
#[inline(always)]
pub(super) fn keystream(key: &[u8; 32], index: u64, out: &mut [u64]) {
    const CONSTANTS: &[u8; 16] = b"expand 32-byte k";
    let mut start = [[0; SIDE_BY_SIDE]; 16];
    for (word, bytes) in start.iter_mut().zip(CONSTANTS.as_chunks::<4>().0) {
        *word = [u32::from_le_bytes(*bytes); SIDE_BY_SIDE];
    }
    for (word, bytes) in start[4..].iter_mut().zip(key.as_chunks::<4>().0) {
        *word = [u32::from_le_bytes(*bytes); SIDE_BY_SIDE];
    }
    start[14] = [index as u32; SIDE_BY_SIDE];
    start[15] = [(index >> 32) as u32; SIDE_BY_SIDE];
    for (batch, out) in out.chunks_mut(SIDE_BY_SIDE * WORDS).enumerate() {
        // The counter stays below 2^32: an array is drawn in blocks of far fewer words.
        for (block, counter) in start[12].iter_mut().enumerate() {
            *counter = (batch * SIDE_BY_SIDE + block) as u32;
        }
        let mut x = start;
        for _ in 0..4 {
            for column in 0..4 {
                quarter_round(&mut x, column, 4 + column, 8 + column, 12 + column);
            }
            for column in 0..4 {
                let (b, c, d) = ((column + 1) % 4, (column + 2) % 4, (column + 3) % 4);
                quarter_round(&mut x, column, 4 + b, 8 + c, 12 + d);
            }
        }
        for (x, start) in x.iter_mut().zip(&start) {
            for (x, start) in x.iter_mut().zip(start) {
                *x = x.wrapping_add(*start);
            }
        }
        let mut words = [[0; SIDE_BY_SIDE]; WORDS];
        for (words, x) in words.iter_mut().zip(x.as_chunks::<2>().0) {
            for ((word, low), high) in words.iter_mut().zip(&x[0]).zip(&x[1]) {
                *word = u64::from(*low) | u64::from(*high) << 32;
            }
        }
        block_by_block(&words, out);
    }
}

/// Never inlined: outside of the instruction set of its caller it is plain loads and stores, where
/// vectors would gather and scatter.
#[inline(never)]
fn block_by_block(words: &[[u64; SIDE_BY_SIDE]; WORDS], out: &mut [u64]) {
    for (block, out) in out.chunks_mut(WORDS).enumerate() {
        for (out, word) in out.iter_mut().zip(words) {
            *out = word[block];
        }
    }
}

/// One loop over all blocks: it is too long to be unrolled, and so becomes vectors.
#[inline(always)]
fn quarter_round(x: &mut [Vector; 16], a: usize, b: usize, c: usize, d: usize) {
    let [a, b, c, d] = x.get_disjoint_mut([a, b, c, d]).expect("four different words");
    for (((a, b), c), d) in a.iter_mut().zip(b).zip(c).zip(d) {
        for (first, second) in [(16, 12), (8, 7)] {
            *a = a.wrapping_add(*b);
            *d = (*d ^ *a).rotate_left(first);
            *c = c.wrapping_add(*d);
            *b = (*b ^ *c).rotate_left(second);
        }
    }
}
