"""Clustering by the established libraries, each case in a process of its own.

Without `--case` it runs itself once for every wanted case. Rows and parameters are those of
`benches/src/cluster/`; a name with `-f64` is in double precision. With `--growth` the rows are those of
`benches/src/cluster/growth.rs`.
"""

import gzip
import os
import subprocess
import sys
import warnings

import common
from common import THREADS, emit, integers, measure, normal, np, uniform, wanted

# name: (n, d, k, std, half width of the box, share of noise, seed)
SETS = {
    "km-100k-16-10": (100_000, 16, 10, 6.0, 10.0, 0.0, 101),
    "km-100k-16-10-wide": (100_000, 16, 10, 8.0, 10.0, 0.0, 101),
    "km-100k-64-100": (100_000, 64, 100, 6.0, 10.0, 0.0, 102),
    "km-1M-8-16": (1_000_000, 8, 16, 4.0, 10.0, 0.0, 103),
    "db-100k-2": (100_000, 2, 50, 1.5, 100.0, 0.05, 201),
    "db-100k-3": (100_000, 3, 50, 2.0, 100.0, 0.05, 202),
    "db-1M-2": (1_000_000, 2, 50, 1.5, 100.0, 0.05, 205),
    "db-50k-8": (50_000, 8, 20, 1.0, 10.0, 0.05, 203),
    "db-20k-32": (20_000, 32, 20, 1.0, 10.0, 0.05, 204),
    "hc-5k": (5_000, 10, 10, 2.0, 10.0, 0.0, 301),
    "hc-10k": (10_000, 10, 10, 2.0, 10.0, 0.0, 302),
    "hc-20k": (20_000, 10, 10, 2.0, 10.0, 0.0, 303),
    "hdb-20k-2": (20_000, 2, 20, 1.5, 100.0, 0.05, 401),
    "hdb-10k-10": (10_000, 10, 10, 2.0, 10.0, 0.05, 402),
    "hdb-100k-2": (100_000, 2, 50, 1.5, 100.0, 0.05, 407),
    "hdb-50k-8": (50_000, 8, 20, 1.0, 10.0, 0.05, 408),
    "opt-10k-2": (10_000, 2, 20, 1.5, 100.0, 0.05, 403),
    "gmm-100k-16": (100_000, 16, 10, 4.0, 10.0, 0.0, 404),
    "ms-5k-2": (5_000, 2, 10, 3.0, 100.0, 0.0, 405),
    "sp-2k-2": (2_000, 2, 5, 8.0, 100.0, 0.0, 406),
    "sil-20k-16": (20_000, 16, 10, 4.0, 10.0, 0.0, 409),
}
# The same without n, of every size of GROWTH_SIZES.
GROWTH_SETS = {
    "grow-km": (8, 16, 4.0, 10.0, 0.0, 501),
    "grow-db": (2, 50, 1.5, 100.0, 0.05, 502),
    "grow-hdb": (2, 20, 1.5, 100.0, 0.05, 503),
    "grow-hc": (10, 10, 2.0, 10.0, 0.0, 504),
    "grow-sil": (16, 10, 4.0, 10.0, 0.0, 505),
}
GROWTH_SIZES = [1_000, 3_000, 10_000, 30_000, 100_000, 300_000, 1_000_000]
SETS |= {f"{name}-{n}": (n, *rest) for name, rest in GROWTH_SETS.items() for n in GROWTH_SIZES}
FASHION = "images/fashion-mnist/train-images-idx3-ubyte.gz"


def labels(name):
    n, _, k, _, _, noise, seed = SETS[name]
    return np.where(uniform(seed + 3000, n) < noise, -1, integers(seed + 1000, n, k))


def blobs(name):
    n, d, k, std, box, noise, seed = SETS[name]
    centers = (2 * uniform(seed, k, d) - 1) * box
    y = labels(name)
    x = centers[y] + std * normal(seed + 2000, n, d)
    if noise:
        x[y < 0] = ((2 * uniform(seed + 4000, n, d) - 1) * 1.2 * box)[y < 0]
    return x


def table(name):
    if name.startswith("fashion"):
        with gzip.open(os.path.join(os.environ["PURLIN_DATA"], FASHION)) as file:
            pixels = np.frombuffer(file.read(), np.uint8, offset=16)
        return pixels.reshape(-1, 784)[:20_000].astype(np.float32) / np.float32(255)
    if name.endswith("-f64"):
        return blobs(name.removesuffix("-f64"))
    return blobs(name).astype(np.float32)


def true_labels(name):
    return labels(name.removesuffix("-f64"))


def adjusted_rand(name, found):
    from sklearn.metrics import adjusted_rand_score

    return adjusted_rand_score(true_labels(name), found)


# What each family runs: (call, what to tell of its result).


def kmeans(x, name, peer, family):
    if peer == "sklearnex":
        from sklearnex.cluster import KMeans
    else:
        from sklearn.cluster import KMeans
    k = 10 if name.startswith("fashion") else SETS[name.removesuffix("-f64")][2]
    if family == "kmeans-20it":
        model = KMeans(k, init=x[:k].copy(), n_init=1, max_iter=20, tol=0)
    else:
        n_init = 10 if family == "kmeans-converge10" else 1
        model = KMeans(k, init="k-means++", n_init=n_init, tol=1e-4, random_state=0)
    if peer == "sklearn-elkan":
        model.set_params(algorithm="elkan")
    return lambda: model.fit(x), lambda m: {"inertia": float(m.inertia_), "n_iter": int(m.n_iter_)}


def minibatch(x, name, peer, family):
    from sklearn.cluster import KMeans, MiniBatchKMeans

    k = SETS[name][2]
    model = MiniBatchKMeans(k, random_state=0)

    def tell(m):
        whole = KMeans(k, init=m.cluster_centers_, n_init=1, max_iter=1).fit(x)
        return {"inertia": float(-m.score(x)), "inertia_after_a_round_of_lloyd": float(whole.inertia_)}

    return lambda: model.fit(x), tell


def bisecting(x, name, peer, family):
    from sklearn.cluster import BisectingKMeans

    k = SETS[name.removesuffix("-f64")][2]
    init = "k-means++" if peer.endswith("plus-plus") else "random"
    model = BisectingKMeans(k, init=init, random_state=0)
    return lambda: model.fit(x), lambda m: {"inertia": float(m.inertia_)}


def clusters(name, found):
    found = np.asarray(found)
    return {
        "n_clusters": len(np.unique(found[found >= 0])),
        "noise": int((found < 0).sum()),
        "ari": adjusted_rand(name, found),
    }


def dbscan(x, name, peer, family):
    eps = {"db-100k-2": 0.5, "db-100k-3": 1.5, "db-1M-2": 0.16, "db-50k-8": 2.0, "db-20k-32": 7.0}
    eps |= {f"grow-db-{n}": 0.5 * (100_000 / n) ** 0.5 for n in GROWTH_SIZES}
    if peer == "sklearnex":
        from sklearnex.cluster import DBSCAN
    else:
        from sklearn.cluster import DBSCAN
    algorithm = peer.removeprefix("sklearn-") if peer.startswith("sklearn-") else "auto"
    model = DBSCAN(eps=eps[name.removesuffix("-f64")], min_samples=10, algorithm=algorithm, n_jobs=THREADS)
    return lambda: model.fit(x), lambda m: clusters(name, m.labels_)


def hdbscan(x, name, peer, family):
    if peer == "sklearn":
        from sklearn.cluster import HDBSCAN

        # The sample counts itself here and in Purlin, and does not in the package.
        model = HDBSCAN(min_cluster_size=50, min_samples=11, n_jobs=THREADS, copy=True)
    else:
        from hdbscan import HDBSCAN

        # By default its spanning tree is approximate; Purlin's and scikit-learn's are exact.
        is_rough = peer != "hdbscan-exact"
        model = HDBSCAN(
            min_cluster_size=50, min_samples=10, approx_min_span_tree=is_rough, core_dist_n_jobs=THREADS
        )
    return lambda: model.fit(x), lambda m: clusters(name, m.labels_)


def optics(x, name, peer, family):
    from sklearn.cluster import OPTICS

    model = OPTICS(min_samples=10, max_eps=10, cluster_method="dbscan", eps=1.0, n_jobs=THREADS)
    return lambda: model.fit(x), lambda m: clusters(name, m.labels_)


def linkage(x, name, peer, family):
    method = family.removeprefix("linkage-")
    if peer == "fastcluster":
        import fastcluster

        call = lambda: fastcluster.linkage(x, method)
    elif peer == "fastcluster-vector":
        import fastcluster

        call = lambda: fastcluster.linkage_vector(x, method)
    else:
        from scipy.cluster import hierarchy

        call = lambda: hierarchy.linkage(x, method)
    return call, lambda z: {"height_sum": float(z[:, 2].sum())}


def silhouette(x, name, peer, family):
    from sklearn.metrics import silhouette_score

    y = true_labels(name)
    return lambda: silhouette_score(x, y), lambda score: {"silhouette": float(score)}


def knn(x, name, peer, family):
    from sklearn.neighbors import NearestNeighbors

    algorithm = peer.removeprefix("sklearn-")
    call = lambda: NearestNeighbors(n_neighbors=10, algorithm=algorithm, n_jobs=THREADS).fit(x).kneighbors(x[:10_000])
    return call, lambda found: {"distance_sum": float(found[0].sum(dtype=np.float64))}


def mixture(x, name, peer, family):
    from sklearn.mixture import GaussianMixture

    kind = family.split("-")[1]
    k, d = SETS["gmm-100k-16"][2], SETS["gmm-100k-16"][1]
    precisions = {"full": np.stack([np.eye(d)] * k), "diag": np.ones((k, d))}[kind].astype(x.dtype) / 40
    model = GaussianMixture(
        k, covariance_type=kind, tol=0, max_iter=20, reg_covar=1e-6, means_init=x[:k],
        weights_init=np.full(k, 1 / k, x.dtype), precisions_init=precisions,
    )
    return lambda: model.fit(x), lambda m: {"lower_bound": float(m.lower_bound_), "n_iter": int(m.n_iter_)}


def mean_shift(x, name, peer, family):
    from sklearn.cluster import MeanShift

    model = MeanShift(bandwidth=12, bin_seeding=family.endswith("binseed"), n_jobs=THREADS)
    return lambda: model.fit(x), lambda m: clusters(name, m.labels_)


def spectral(x, name, peer, family):
    from sklearn.cluster import SpectralClustering

    affinity = {"spectral-knn": "nearest_neighbors", "spectral-rbf": "rbf"}[family]
    model = SpectralClustering(
        5, affinity=affinity, n_neighbors=10, gamma=0.01, random_state=0, n_jobs=THREADS
    )
    return lambda: model.fit(x), lambda m: clusters(name, m.labels_)


def pca(x, name, peer, family):
    if peer == "sklearnex":
        from sklearnex.decomposition import PCA
    else:
        from sklearn.decomposition import PCA
    model = PCA(8)
    return lambda: model.fit(x), lambda m: {"variance": float(m.explained_variance_.sum())}


def growth_families():
    sizes = lambda name, suffix="": [f"{name}-{n}{suffix}" for n in GROWTH_SIZES]
    yield "kmeans-20it", kmeans, ["sklearnex"], sizes("grow-km"), False
    yield "dbscan", dbscan, ["sklearn-kd_tree"], sizes("grow-db", "-f64"), False
    yield "hdbscan", hdbscan, ["hdbscan"], sizes("grow-hdb", "-f64"), False
    yield "linkage-single", linkage, ["fastcluster-vector"], sizes("grow-hc", "-f64"), False
    yield "linkage-average", linkage, ["fastcluster"], sizes("grow-hc", "-f64"), False
    yield "linkage-ward", linkage, ["fastcluster-vector"], sizes("grow-hc", "-f64"), False
    yield "silhouette", silhouette, ["sklearn"], sizes("grow-sil"), False


def families():
    kmeans_peers = ["sklearn", "sklearn-elkan", "sklearnex"]
    kmeans_sets = ["km-100k-16-10", "km-100k-16-10-wide", "km-100k-64-100", "km-1M-8-16"]
    for family in ["kmeans-20it", "kmeans-converge", "kmeans-converge10"]:
        yield family, kmeans, kmeans_peers, kmeans_sets, True
    if "PURLIN_DATA" in os.environ:
        yield "kmeans-converge10", kmeans, kmeans_peers, ["fashion-20k-784-10"], False
    yield "minibatch", minibatch, ["sklearn"], ["km-100k-16-10", "km-100k-64-100"], False
    yield "bisecting", bisecting, ["sklearn", "sklearn-plus-plus"], ["km-100k-16-10", "km-100k-64-100"], True
    trees = ["sklearn-kd_tree", "sklearn-ball_tree", "sklearnex"]
    yield "dbscan", dbscan, trees, ["db-100k-2", "db-100k-3", "db-1M-2", "db-50k-8"], True
    yield "dbscan", dbscan, [*trees, "sklearn-brute"], ["db-20k-32"], True
    yield "hdbscan", hdbscan, ["hdbscan", "hdbscan-exact", "sklearn"], ["hdb-20k-2", "hdb-10k-10", "hdb-100k-2", "hdb-50k-8"], True
    yield "optics", optics, ["sklearn"], ["opt-10k-2"], False
    for method in ["single", "complete", "average", "ward", "centroid", "median"]:
        has_vectors = method not in ("complete", "average")
        peers = ["fastcluster", "scipy"] + ["fastcluster-vector"] * has_vectors
        yield f"linkage-{method}", linkage, peers, ["hc-5k", "hc-10k", "hc-20k"], True
    yield "silhouette", silhouette, ["sklearn"], ["sil-20k-16"], True
    for kind in ["full", "diag"]:
        yield f"gmm-{kind}-20it", mixture, ["sklearn"], ["gmm-100k-16"], True
    for family in ["meanshift", "meanshift-binseed"]:
        yield family, mean_shift, ["sklearn"], ["ms-5k-2"], False
    for family in ["spectral-knn", "spectral-rbf"]:
        yield family, spectral, ["sklearn"], ["sp-2k-2"], False
    yield "knn-10", knn, ["sklearn-kd_tree", "sklearn-ball_tree", "sklearn-brute"], ["db-50k-8", "km-100k-16-10"], True
    yield "pca-8", pca, ["sklearn", "sklearnex"], ["km-100k-64-100"], True


def cases():
    for family, build, peers, sets, in_both_precisions in growth_families() if common.GROWTH else families():
        for name in sets:
            for variant in [name, f"{name}-f64"][: 1 + in_both_precisions]:
                for peer in peers:
                    yield f"{family}/{variant}", peer, family, variant, build


def run(task, peer, family, name, build):
    from threadpoolctl import threadpool_limits

    call, tell = build(table(name), name, peer, family)
    with threadpool_limits(THREADS):
        extra = common.first_call(call)
        result = None

        def again():
            nonlocal result
            result = call()

        extra.update(measure(again))
    extra.update(tell(result))
    emit(task, peer, extra["median_s"], "s", False, extra)


def main():
    warnings.filterwarnings("ignore")
    if "--case" in sys.argv:
        task, peer = sys.argv[sys.argv.index("--case") + 1].split("@")
        run(*next(case for case in cases() if case[:2] == (task, peer)))
        return
    for task, peer, *_ in cases():
        if wanted(task):
            subprocess.run([sys.executable, *sys.argv, "--case", f"{task}@{peer}"], check=False)


main()
