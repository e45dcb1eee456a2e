"""Matrix products by the OpenBLAS of numpy, the MKL of torch, and the newest MKL where installed."""

import ctypes
import glob
import sys

import common
from common import emit, measure, normal, np, wanted

SHAPES = [(n, n, n) for n in (64, 128, 256, 512, 1024, 2048)]
SKINNY = [(128, 784, 128), (32, 784, 128), (4096, 64, 64)]


def cases():
    for m, k, n in SHAPES:
        yield f"sgemm/{m}", m, k, n, np.float32, False
    for m, k, n in SKINNY:
        yield f"sgemm/{m}x{k}x{n}", m, k, n, np.float32, False
        yield f"sgemm/{m}x{k}x{n}-nt", m, k, n, np.float32, True
    yield "dgemm/1024", 1024, 1024, 1024, np.float64, False


def report(task, peer, m, k, n, call, out):
    timing = measure(call)
    timing["checksum"] = float(np.asarray(out, dtype=np.float64).sum())
    emit(task, peer, 2e-9 * m * k * n / timing["median_s"], "GFLOP/s", True, timing)


def mkl_pip():
    for prefix in (sys.prefix,):
        for path in sorted(glob.glob(f"{prefix}/lib/libmkl_rt.so*")):
            return ctypes.CDLL(path)
    return None


def main():
    import torch

    torch.set_num_threads(common.THREADS)
    mkl = mkl_pip()
    for task, m, k, n, dtype, transposed in cases():
        if not wanted(task):
            continue
        a = normal(1, m, k).astype(dtype)
        b = normal(2, k, n).astype(dtype)
        if transposed:
            b = np.ascontiguousarray(b.T)
        c = np.empty((m, n), dtype)
        right = b.T if transposed else b
        report(task, "numpy-openblas", m, k, n, lambda: np.matmul(a, right, out=c), c)
        ta, tc = torch.from_numpy(a), torch.from_numpy(c)
        tb = torch.from_numpy(b).T if transposed else torch.from_numpy(b)
        report(task, "torch-mkl", m, k, n, lambda: torch.mm(ta, tb, out=tc), c)
        if mkl is not None:
            routine = mkl.cblas_sgemm if dtype == np.float32 else mkl.cblas_dgemm
            real = ctypes.c_float if dtype == np.float32 else ctypes.c_double
            arguments = (
                101, 111, 112 if transposed else 111, m, n, k, real(1.0),
                a.ctypes.data_as(ctypes.c_void_p), k,
                b.ctypes.data_as(ctypes.c_void_p), k if transposed else n,
                real(0.0), c.ctypes.data_as(ctypes.c_void_p), n,
            )
            report(task, "mkl-pip", m, k, n, lambda: routine(*arguments), c)


main()
