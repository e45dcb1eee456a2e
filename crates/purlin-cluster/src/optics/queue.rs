//! The samples that wait.

use purlin_core::Real;

/// Samples with the least key each was offered; the least comes first, ties to the smallest index.
///
/// A binary heap that knows where each sample is.
#[derive(Debug)]
pub(super) struct Queue<T> {
    keys: Vec<T>,
    heap: Vec<u32>,
    /// Where each sample is in the heap, or [`OUTSIDE`].
    places: Vec<u32>,
}

const OUTSIDE: u32 = u32::MAX;

impl<T: Real> Queue<T> {
    /// `n` samples outside, with infinite keys.
    pub(super) fn new(n: usize) -> Self {
        Self { keys: vec![T::INFINITY; n], heap: Vec::new(), places: vec![OUTSIDE; n] }
    }

    /// The least key that each sample was offered.
    pub(super) fn keys(&self) -> &[T] {
        &self.keys
    }

    /// Gives sample `i` a key that is below the one it has.
    pub(super) fn lower(&mut self, i: u32, key: T) {
        self.keys[i as usize] = key;
        let place = match self.places[i as usize] {
            OUTSIDE => {
                self.heap.push(i);
                self.heap.len() - 1
            }
            place => place as usize,
        };
        self.rise(place, i);
    }

    /// Takes the first out.
    pub(super) fn pop(&mut self) -> Option<u32> {
        let first = *self.heap.first()?;
        self.places[first as usize] = OUTSIDE;
        let last = self.heap.pop()?;
        if last != first {
            self.sink(last);
        }
        Some(first)
    }

    fn is_before(&self, a: u32, b: u32) -> bool {
        let (x, y) = (self.keys[a as usize], self.keys[b as usize]);
        x < y || (x == y && a < b)
    }

    fn put(&mut self, place: usize, i: u32) {
        self.heap[place] = i;
        self.places[i as usize] = place as u32;
    }

    /// Moves sample `i` from a place towards the front.
    fn rise(&mut self, mut place: usize, i: u32) {
        while place > 0 {
            let above = (place - 1) / 2;
            let other = self.heap[above];
            if !self.is_before(i, other) {
                break;
            }
            self.put(place, other);
            place = above;
        }
        self.put(place, i);
    }

    /// Moves sample `i` from the front to where it belongs.
    fn sink(&mut self, i: u32) {
        let mut place = 0;
        loop {
            let mut below = 2 * place + 1;
            if below >= self.heap.len() {
                break;
            }
            if below + 1 < self.heap.len() && self.is_before(self.heap[below + 1], self.heap[below])
            {
                below += 1;
            }
            let other = self.heap[below];
            if !self.is_before(other, i) {
                break;
            }
            self.put(place, other);
            place = below;
        }
        self.put(place, i);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use purlin_core::rng::Stream;

    #[test]
    fn samples_leave_by_key_and_index() {
        let mut rng = Stream::new(1, "queue").rng(0);
        let mut queue = Queue::<f64>::new(200);
        let mut keys = vec![f64::INFINITY; 200];
        for _ in 0..1000 {
            let i = (rng.uniform() * 200.0) as usize;
            let key = (rng.uniform() * 50.0).floor(); // with ties
            if key < keys[i] {
                keys[i] = key;
                queue.lower(i as u32, key);
            }
        }
        let mut expected: Vec<u32> = (0..200).filter(|&i| keys[i as usize] < 100.0).collect();
        expected.sort_by(|&a, &b| keys[a as usize].total_cmp(&keys[b as usize]).then(a.cmp(&b)));
        let left: Vec<u32> = std::iter::from_fn(|| queue.pop()).collect();
        assert_eq!(left, expected);
        assert_eq!(queue.keys(), keys);
    }
}
