//! Storage comes from the pool: after its first step a training loop asks the system for
//! nothing but the small change of the tape. Alone in its process, because the counters belong to
//! the process.

#![allow(unsafe_code, reason = "the trait of an allocator that counts is unsafe to implement")]

use purlin_backend::pool_stats;
use purlin_core::rng::Stream;
use purlin_tensor::{
    Activation, Conv2dOptions, CrossEntropyOptions, Pool2dOptions, Tensor, conv2d, cross_entropy,
    linear, max_pool2d,
};
use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

/// The system's allocator, and what it was asked for: the number of requests, their bytes, and
/// the largest.
struct Counting {
    requests: AtomicUsize,
    bytes: AtomicUsize,
    largest: AtomicUsize,
}

#[global_allocator]
static HEAP: Counting = Counting {
    requests: AtomicUsize::new(0),
    bytes: AtomicUsize::new(0),
    largest: AtomicUsize::new(0),
};

impl Counting {
    fn count(&self, bytes: usize) {
        self.requests.fetch_add(1, Relaxed);
        self.bytes.fetch_add(bytes, Relaxed);
        self.largest.fetch_max(bytes, Relaxed);
    }

    /// What has been counted since the last call.
    fn take(&self) -> [usize; 3] {
        [self.requests.swap(0, Relaxed), self.bytes.swap(0, Relaxed), self.largest.swap(0, Relaxed)]
    }
}

// SAFETY: every method hands its arguments to the system's allocator, which keeps the promises of
// the trait; counting touches atomics only, and so allocates nothing itself.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        self.count(layout.size());
        // SAFETY: the caller promises a layout of at least one byte.
        unsafe { System.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        self.count(layout.size());
        // SAFETY: the caller promises a layout of at least one byte.
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn realloc(&self, ptr: *mut u8, layout: Layout, new_size: usize) -> *mut u8 {
        self.count(new_size);
        // SAFETY: the caller promises a block of this layout from this allocator, which is the
        // system's, and a size of at least one byte.
        unsafe { System.realloc(ptr, layout, new_size) }
    }

    unsafe fn dealloc(&self, ptr: *mut u8, layout: Layout) {
        // SAFETY: the caller promises a block of this layout from this allocator, which is the
        // system's.
        unsafe { System.dealloc(ptr, layout) }
    }
}

/// The most that the tape may take in one allocation: a node, a tree of pending gradients, a list
/// of targets. A row of an image is larger.
const SMALL_CHANGE: usize = 2048;

#[test]
fn a_training_loop_makes_no_system_allocation_after_its_first_step() {
    let stream = Stream::new(1, "pool");
    let weight = |shape: &[usize], name: &str| {
        Tensor::<f32>::normal(shape, 0.0, 0.1, &stream.child(name)).requires_grad()
    };
    let mut leaves =
        [weight(&[3, 3, 1, 8], "conv"), weight(&[8], "bias"), weight(&[8 * 13 * 13, 10], "head")];
    let x = Tensor::<f32>::uniform([8, 28, 28, 1], 0.0, 1.0, &stream.child("x"));
    let targets: Vec<usize> = (0..8).collect();
    let mut losses = Vec::with_capacity(6);
    let mut counts = Vec::with_capacity(6);
    let mut heap = Vec::with_capacity(6);
    HEAP.take();
    for _ in 0..6 {
        let [conv, bias, head] = &leaves;
        let h = conv2d(&x, conv, Some(bias), &Conv2dOptions::default(), Activation::Relu);
        let h = max_pool2d(&h, &Pool2dOptions::new([2, 2])).flatten(1);
        let logits = linear(&h, head, None, Activation::Identity);
        let loss = cross_entropy(&logits, &targets, &CrossEntropyOptions::default());
        losses.push(loss.item());
        let mut grads = loss.backward();
        drop((h, logits, loss));
        for leaf in &mut leaves {
            let grad = grads.take(leaf).unwrap();
            for (w, g) in leaf.data_mut().iter_mut().zip(grad.data()) {
                *w -= 0.05 * g;
            }
        }
        counts.push(pool_stats().system_allocations);
        heap.push(HEAP.take());
    }
    assert!(losses[5] < losses[0], "it learns: {losses:?}");
    assert!(pool_stats().requests > 50, "storage does come from the pool");
    assert_eq!(counts[1..], [counts[0]; 5], "allocations after each step: {counts:?}");
    // Beside the pool: no kernel takes memory of its own, and the tape's part does not grow.
    for [requests, bytes, largest] in &heap[1..] {
        assert!(*largest <= SMALL_CHANGE, "requests, bytes, largest of each step: {heap:?}");
        assert!(*requests < 200 && *bytes < 64 * 1024, "the tape of ten nodes: {heap:?}");
    }
}
