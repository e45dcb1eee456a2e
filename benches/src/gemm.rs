//! Matrix products, and the limit of the machine beside them.

use crate::Task;
use crate::inputs::normal;
use crate::measure::{Row, time};
use purlin_backend::gemm::{Epilogue, Gemm, gemm};
use purlin_backend::{Kernel, dispatch};
use purlin_core::Real;
use purlin_core::simd::{Isa, Lanes};
use std::hint::black_box;

const SQUARE: [usize; 6] = [64, 128, 256, 512, 1024, 2048];
const SKINNY: [(usize, usize, usize); 3] = [(128, 784, 128), (32, 784, 128), (4096, 64, 64)];

pub(crate) fn tasks() -> Vec<Task> {
    let mut tasks =
        vec![Task::new("peak/fma-f32", peak::<f32>), Task::new("peak/fma-f64", peak::<f64>)];
    for n in SQUARE {
        tasks.push(Task::new(format!("sgemm/{n}"), move || product::<f32>(n, n, n, false)));
    }
    for (m, k, n) in SKINNY {
        let name = format!("sgemm/{m}x{k}x{n}");
        tasks.push(Task::new(name.clone(), move || product::<f32>(m, k, n, false)));
        tasks.push(Task::new(format!("{name}-nt"), move || product::<f32>(m, k, n, true)));
    }
    tasks.push(Task::new("dgemm/1024", || product::<f64>(1024, 1024, 1024, false)));
    tasks
}

/// C = A B, or A B^T with B stored n x k.
fn product<T: Real>(m: usize, k: usize, n: usize, transposed: bool) -> Row {
    let cast = |x: Vec<f64>| x.into_iter().map(T::from_f64).collect::<Vec<T>>();
    let (a, mut b) = (cast(normal(1, m * k)), cast(normal(2, k * n)));
    let mut spec = Gemm::new(m, k, n);
    if transposed {
        b = (0..n * k).map(|i| b[i % k * n + i / k]).collect();
        spec = spec.trans_b();
    }
    let mut c = vec![T::ZERO; m * n];
    let timing = time(|| gemm(&spec, black_box(&a), black_box(&b), &mut c, &Epilogue::none()));
    let checksum: f64 = c.iter().map(|v| v.to_f64()).sum();
    Row::rate(&timing, 2e-9 * m as f64 * k as f64 * n as f64, "GFLOP/s").with("checksum", checksum)
}

/// Fused multiply-adds on registers only: one core's limit.
fn peak<T: Real>() -> Row {
    // Independent chains that hide the latency of the unit: 6 vectors are 12 of the 16 registers
    // of AVX2; AVX-512 has 32 registers and needs more than 6 chains.
    let (few, many) = (chains::<T, 6>(), chains::<T, 12>());
    if few.value > many.value { few } else { many }
}

fn chains<T: Real, const CHAINS: usize>() -> Row {
    const ROUNDS: usize = 100_000;
    let timing = time(|| {
        let scale = black_box(T::from_f64(0.999));
        black_box(dispatch(FmaChains::<T, CHAINS> { scale, rounds: ROUNDS }));
    });
    let flops = 2.0 * (CHAINS * ROUNDS * 64 / size_of::<T>()) as f64;
    Row::rate(&timing, 1e-9 * flops, "GFLOP/s").with("cores", 1)
}

struct FmaChains<T, const CHAINS: usize> {
    scale: T,
    rounds: usize,
}

impl<T: Real, const CHAINS: usize> Kernel for FmaChains<T, CHAINS> {
    type Output = T;
    #[inline(always)]
    fn run<I: Isa>(self) -> T {
        let scale = T::Lanes::<I>::splat(self.scale);
        let mut chains = [scale; CHAINS];
        for _ in 0..self.rounds {
            for chain in &mut chains {
                *chain = chain.mul_add(scale, scale);
            }
        }
        let mut total = T::Lanes::<I>::splat(T::ZERO);
        for chain in chains {
            total = total + chain;
        }
        total.sum()
    }
}
