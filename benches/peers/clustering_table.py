"""Runs scikit-learn with the parameters that `clustering_table` printed, and prints both as one table.

    python3 benches/peers/clustering_table.py ours.jsonl

Every cell is Purlin's adjusted Rand index, then scikit-learn's in brackets.
"""

import collections
import gzip
import json
import os
import sys
import warnings

import numpy as np
from scipy.cluster import hierarchy
from sklearn import cluster, mixture
from sklearn.metrics import adjusted_rand_score

# Rows beyond which scikit-learn would take many minutes.
MANY = {"optics": 5_000, "ward": 20_000, "single": 20_000, "spectral": 10_000, "meanshift": 10_000, "hdbscan": 20_000}


def load(name, suffix):
    path = os.path.join(os.environ["PURLIN_DATA"], "clustering", f"{name}.{suffix}.gz")
    with gzip.open(path, "rt") as file:
        return np.loadtxt(file, ndmin=1 if suffix == "labels0" else 2)


def linkage(method):
    def labels(x, n_clusters):
        return hierarchy.fcluster(hierarchy.linkage(x, method), n_clusters, "maxclust")

    return labels


def mixture_labels(x, n_components):
    return mixture.GaussianMixture(n_components, random_state=0).fit_predict(x)


def sklearn(make, **fixed):
    return lambda x, **parameters: make(**parameters, **fixed).fit_predict(x)


ALGORITHMS = {
    "kmeans": sklearn(cluster.KMeans, random_state=0),
    "minibatch": sklearn(cluster.MiniBatchKMeans, random_state=0),
    "bisecting": sklearn(cluster.BisectingKMeans, random_state=0),
    "single": linkage("single"),
    "complete": linkage("complete"),
    "average": linkage("average"),
    "ward": linkage("ward"),
    "dbscan": sklearn(cluster.DBSCAN),
    "hdbscan": sklearn(cluster.HDBSCAN, copy=True),
    "optics": sklearn(cluster.OPTICS),
    "mixture": mixture_labels,
    "meanshift": sklearn(cluster.MeanShift, bin_seeding=True),
    "spectral": sklearn(cluster.SpectralClustering, affinity="nearest_neighbors", n_neighbors=10, random_state=0),
}


def main():
    warnings.filterwarnings("ignore")
    cells = collections.defaultdict(dict)
    data = (None, None)
    for line in open(sys.argv[1], encoding="utf-8"):
        row = json.loads(line)
        name, algorithm = row["set"], row["algorithm"]
        if data[0] != name:
            data = name, (load(name, "data"), load(name, "labels0").astype(int))
        x, truth = data[1]
        cell = f"{row['adjusted_rand']:.2f}"
        if algorithm in ALGORITHMS and len(x) <= MANY.get(algorithm, len(x)):
            labels = ALGORITHMS[algorithm](x, **row["parameters"])
            known = truth > 0
            cell += f" ({adjusted_rand_score(truth[known], labels[known]):.2f})"
        cells[name][algorithm] = cell
    columns = list(dict.fromkeys(algorithm for row in cells.values() for algorithm in row))
    print(f"| set | {' | '.join(columns)} |")
    print("|---" * (len(columns) + 1) + "|")
    for name, row in cells.items():
        print(f"| {name} | {' | '.join(row.get(column, '') for column in columns)} |")


main()
