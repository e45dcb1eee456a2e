"""Clustering of Gaussian blobs by scikit-learn, plain and patched by its extension."""

import sys
import warnings

import common
from common import emit, integers, measure, normal, np, uniform, wanted

# (name, n, d, k, std, seed)
KMEANS = [
    ("km-100k-16-10", 100_000, 16, 10, 6.0, 101),
    ("km-100k-16-10-wide", 100_000, 16, 10, 8.0, 101),
    ("km-100k-64-100", 100_000, 64, 100, 6.0, 102),
    ("km-1M-8-16", 1_000_000, 8, 16, 4.0, 103),
]


def blobs(n, d, k, std, seed):
    centers = (2 * uniform(seed, k, d) - 1) * 10.0
    return centers[integers(seed + 1000, n, k)] + std * normal(seed + 2000, n, d)


def kmeans(peer, KMeans):
    for name, n, d, k, std, seed in KMEANS:
        tasks = [(f"kmeans-20it/{name}", np.float32, True), (f"kmeans-20it/{name}-f64", np.float64, True)]
        tasks.append((f"kmeans-converge/{name}", np.float32, False))
        for task, dtype, is_fixed in tasks:
            if not wanted(task):
                continue
            x = blobs(n, d, k, std, seed).astype(dtype)
            if is_fixed:
                model = KMeans(k, init=x[:k].copy(), n_init=1, max_iter=20, tol=0)
            else:
                model = KMeans(k, init="k-means++", n_init=1, tol=1e-4, random_state=0)
            timing = measure(lambda: model.fit(x))
            timing.update(inertia=float(model.inertia_), n_iter=int(model.n_iter_))
            emit(task, peer, timing["median_s"], "s", False, timing)


def main():
    warnings.filterwarnings("ignore")
    if "--extension" in sys.argv:
        from sklearnex.cluster import KMeans

        kmeans("sklearnex", KMeans)
    else:
        from sklearn.cluster import KMeans
        from threadpoolctl import threadpool_limits

        with threadpool_limits(common.THREADS):
            kmeans("sklearn", KMeans)


main()
