"""Small and large elementwise work by numpy and torch."""

import common
from common import emit, measure, normal, np, wanted

import torch

torch.set_num_threads(common.THREADS)
N = 10_000_000


def micros(task, peer, call):
    if wanted(task):
        timing = measure(call)
        emit(task, peer, 1e6 * timing["median_s"], "us", False, timing)


def bandwidth(task, peer, bytes_per_element, call):
    if wanted(task):
        timing = measure(call)
        emit(task, peer, 1e-9 * bytes_per_element * N / timing["median_s"], "GB/s", True, timing)


def tiny():
    a, b = normal(1, 16).astype(np.float32), normal(2, 16).astype(np.float32)
    m, n = normal(1, 16, 16).astype(np.float32), normal(2, 16, 16).astype(np.float32)
    micros("tiny16/add", "numpy", lambda: a + b)
    micros("tiny16/relu", "numpy", lambda: np.maximum(a, 0))
    micros("tiny16x16/matmul", "numpy", lambda: m @ n)
    ta, tb, tm, tn = map(torch.from_numpy, (a, b, m, n))
    with torch.no_grad():
        micros("tiny16/add", "torch-no_grad", lambda: ta + tb)
        micros("tiny16/relu", "torch-no_grad", lambda: torch.relu(ta))
        micros("tiny16x16/matmul", "torch-no_grad", lambda: tm @ tn)
    weight = tn.clone().requires_grad_()

    def forward_backward():
        weight.grad = None
        torch.relu(tm @ weight + ta).sum().backward()

    micros("tiny16x16/relu(x@w+b).sum-forward+backward", "torch-autograd", forward_backward)


def large():
    x, y = normal(1, N).astype(np.float32), normal(2, N).astype(np.float32)
    out = np.empty_like(x)
    bandwidth("large1e7/add-out", "numpy", 12, lambda: np.add(x, y, out=out))
    bandwidth("large1e7/exp-out", "numpy", 8, lambda: np.exp(x, out=out))
    bandwidth("large1e7/tanh-out", "numpy", 8, lambda: np.tanh(x, out=out))
    bandwidth("large1e7/sum", "numpy", 4, lambda: x.sum())
    tx, ty, to = map(torch.from_numpy, (x, y, out))
    square, square_out = tx.view(10_000, 1000), to.view(10_000, 1000)
    bandwidth("large1e7/copy-out", "torch", 8, lambda: to.copy_(tx))
    bandwidth("large1e7/add-out", "torch", 12, lambda: torch.add(tx, ty, out=to))
    bandwidth("large1e7/add-alloc", "torch", 12, lambda: tx + ty)
    bandwidth("large1e7/relu-alloc", "torch", 8, lambda: torch.relu(tx))
    bandwidth("large1e7/exp-out", "torch", 8, lambda: torch.exp(tx, out=to))
    bandwidth("large1e7/tanh-out", "torch", 8, lambda: torch.tanh(tx, out=to))
    bandwidth("large1e7/sigmoid-out", "torch", 8, lambda: torch.sigmoid(tx, out=to))
    bandwidth("large1e7/gelu-alloc", "torch", 8, lambda: torch.nn.functional.gelu(tx))
    bandwidth("large1e7/sum", "torch", 4, lambda: tx.sum())
    bandwidth("large1e7/sum-dim1-10000x1000", "torch", 4, lambda: square.sum(1))
    bandwidth("large1e7/sum-dim0-10000x1000", "torch", 4, lambda: square.sum(0))
    bandwidth("large1e7/softmax-10000x1000-out", "torch", 8, lambda: torch.softmax(square, 1, out=square_out))
    bandwidth(
        "large1e7/layernorm-10000x1000-alloc", "torch", 8,
        lambda: torch.nn.functional.layer_norm(square, (1000,)),
    )
    bandwidth("large1e7/transpose-copy-10000x1000", "torch", 8, lambda: square.t().contiguous())


with torch.inference_mode():
    large()
tiny()
