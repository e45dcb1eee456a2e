"""Results of scikit-learn that `tests/spectral.rs` and `tests/mean_shift.rs` compare with.

Run with PURLIN_DATA set: python spectral_mean_shift.py > spectral_mean_shift.json
"""

import gzip
import json
import os
import sys

import numpy as np
import scipy
import sklearn
from scipy.sparse.csgraph import laplacian
from sklearn.cluster import MeanShift, SpectralClustering, estimate_bandwidth
from sklearn.metrics.pairwise import rbf_kernel
from sklearn.neighbors import kneighbors_graph

FOLDER = os.path.join(os.environ["PURLIN_DATA"], "reference", "clustering")
N_EIGENVALUES = 8


def table(name):
    with gzip.open(os.path.join(FOLDER, f"{name}.json.gz")) as file:
        return np.array(json.load(file)["X"])


def mean_shift(x, quantile, bins, min_bin_freq, cluster_all):
    bandwidth = float(estimate_bandwidth(x, quantile=quantile))
    model = MeanShift(
        bandwidth=bandwidth, bin_seeding=bins, min_bin_freq=min_bin_freq, cluster_all=cluster_all
    ).fit(x)
    return {
        "quantile": quantile,
        "bandwidth": bandwidth,
        "min_bin_freq": min_bin_freq if bins else 0,
        "cluster_all": cluster_all,
        "centers": model.cluster_centers_.tolist(),
        "labels": model.labels_.tolist(),
        "n_iter": int(model.n_iter_),
    }


def spectral(x, k, n_neighbors, gamma):
    kind = "nearest_neighbors" if n_neighbors else "rbf"
    model = SpectralClustering(
        k, affinity=kind, n_neighbors=n_neighbors or 10, gamma=gamma, random_state=0
    ).fit(x)
    if n_neighbors:
        graph = kneighbors_graph(x, n_neighbors, include_self=True).toarray()
        affinity = 0.5 * (graph + graph.T)
    else:
        affinity = rbf_kernel(x, gamma=gamma)
    values = np.linalg.eigvalsh(laplacian(affinity, normed=True))
    return {
        "k": k,
        "n_neighbors": n_neighbors,
        "gamma": gamma,
        "labels": model.labels_.tolist(),
        "eigenvalues": values[:N_EIGENVALUES].tolist(),
    }


sets = {}
for name, gammas in [
    ("blobs-no-ties", [0.05, 1.0]),
    ("iris", [0.5, 2.0]),
    ("wine-standardised", [0.02, 0.1]),
]:
    x = table(name)
    # Rows of iris have several neighbours at one distance: which of them count is a matter of taste.
    neighbors = [] if name == "iris" else [5, 10, 20]
    sets[name] = {
        "mean_shift": [
            mean_shift(x, quantile, bins, freq, cluster_all)
            for quantile in [0.1, 0.2, 0.3]
            for bins, freq, cluster_all in [(False, 1, True), (True, 1, True), (True, 2, False)]
        ],
        "spectral": [spectral(x, k, n, 1.0) for n in neighbors for k in [2, 3]]
        + [spectral(x, k, 0, gamma) for gamma in gammas for k in [2, 3]],
    }
versions = {"numpy": np.__version__, "scipy": scipy.__version__, "scikit-learn": sklearn.__version__}
json.dump({"libraries": versions, "sets": sets}, sys.stdout)
