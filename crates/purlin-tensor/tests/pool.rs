//! Storage comes from the pool: after its first step a training loop asks the system for
//! nothing but the small change of the tape. Alone in its process, because the counters belong to
//! the process.

use purlin_backend::pool_stats;
use purlin_core::rng::Stream;
use purlin_tensor::{
    Activation, Conv2dOptions, CrossEntropyOptions, Pool2dOptions, Tensor, conv2d, cross_entropy,
    linear, max_pool2d,
};
use stats_alloc::{INSTRUMENTED_SYSTEM, Region, StatsAlloc};
use std::alloc::System;

/// The system's allocator, which counts.
#[global_allocator]
static HEAP: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

/// The most that the tape of ten nodes may take in a step, in all: its nodes, a tree of pending
/// gradients, a list of targets. One activation of the network is larger.
const SMALL_CHANGE: usize = 16 * 1024;

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
    let mut region = Region::new(HEAP);
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
        heap.push(region.change_and_reset());
    }
    assert!(losses[5] < losses[0], "it learns: {losses:?}");
    assert!(pool_stats().requests > 50, "storage does come from the pool");
    assert_eq!(counts[1..], [counts[0]; 5], "allocations after each step: {counts:?}");
    // Beside the pool: no kernel takes memory of its own, and the tape's part does not grow.
    for step in &heap[1..] {
        let is_small = step.bytes_allocated < SMALL_CHANGE && step.allocations < 200;
        assert!(is_small, "after each step: {heap:?}");
    }
}
