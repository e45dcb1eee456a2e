//! The keystream of `purlin_core::rng`, sixteen blocks at a time.

/// Blocks that are computed side by side: one 512-bit vector holds a word of each.
const SIDE_BY_SIDE: usize = 16;

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
            add(x, start);
        }
        for (block, out) in out.chunks_mut(WORDS).enumerate() {
            for (word, out) in out.iter_mut().enumerate() {
                let (low, high) = (x[2 * word][block], x[2 * word + 1][block]);
                *out = u64::from(low) | u64::from(high) << 32;
            }
        }
    }
}

#[inline(always)]
fn quarter_round(x: &mut [Vector; 16], a: usize, b: usize, c: usize, d: usize) {
    let (mut va, mut vb, mut vc, mut vd) = (x[a], x[b], x[c], x[d]);
    for (first, second) in [(16, 12), (8, 7)] {
        add(&mut va, &vb);
        xor_rotate(&mut vd, &va, first);
        add(&mut vc, &vd);
        xor_rotate(&mut vb, &vc, second);
    }
    (x[a], x[b], x[c], x[d]) = (va, vb, vc, vd);
}

#[inline(always)]
fn add(x: &mut Vector, y: &Vector) {
    for (x, y) in x.iter_mut().zip(y) {
        *x = x.wrapping_add(*y);
    }
}

#[inline(always)]
fn xor_rotate(x: &mut Vector, y: &Vector, n: u32) {
    for (x, y) in x.iter_mut().zip(y) {
        *x = (*x ^ *y).rotate_left(n);
    }
}
