//! Sequences of different lengths side by side.

/// Fills sequences up to the length of the longest: `(n, width)` row-major, and the length of each.
///
/// The width is the greatest length, or 0 where there is none. What is filled in comes behind the
/// symbols.
///
/// # Examples
///
/// ```
/// use purlin_data::text::pad;
///
/// let (rows, lengths) = pad(&[vec![5, 6], vec![7, 8, 9], vec![]], 0);
/// assert_eq!(rows, [5, 6, 0, 7, 8, 9, 0, 0, 0]);
/// assert_eq!(lengths, [2, 3, 0]);
/// ```
pub fn pad(sequences: &[impl AsRef<[usize]>], padding: usize) -> (Vec<usize>, Vec<usize>) {
    let lengths: Vec<usize> = sequences.iter().map(|sequence| sequence.as_ref().len()).collect();
    let width = lengths.iter().copied().max().unwrap_or(0);
    let mut rows = Vec::with_capacity(width * lengths.len());
    for (i, sequence) in sequences.iter().enumerate() {
        rows.extend_from_slice(sequence.as_ref());
        rows.resize((i + 1) * width, padding);
    }
    (rows, lengths)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_has_no_width() {
        assert_eq!(pad(&[] as &[Vec<usize>], 1), (vec![], vec![]));
        assert_eq!(pad(&[vec![], vec![]], 1), (vec![], vec![0, 0]));
    }
}
