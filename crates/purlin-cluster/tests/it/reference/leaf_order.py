"""Costs of leaf orders: the sums of the distances of neighbours.

`optimal` is the least cost of all orders, by the definition of Bar-Joseph, Gifford and Jaakkola as
it stands; `scipy` is what scipy's `optimal_leaf_ordering` finds, which is more (by brute force, it
is not optimal for a third of random trees of 4 to 9 leaves).

Reads the tables and scipy's trees of the reference sets, writes `leaf_order.json` beside itself:

    PURLIN_DATA=... python leaf_order.py
"""

import gzip
import json
import os
import pathlib

import numpy
import scipy
from scipy.cluster.hierarchy import leaves_list, optimal_leaf_ordering
from scipy.spatial.distance import pdist, squareform


def optimal_cost(merges, square):
    """The least length of a way along all leaves that keeps clusters together."""
    n = len(merges) + 1
    members = [[i] for i in range(n)]
    # Between any two leaves of a cluster that may be its ends.
    ways = numpy.full((n, n), numpy.inf)
    numpy.fill_diagonal(ways, 0)
    for left, right in merges:
        found = {}
        for first in members[left]:
            for last in members[right]:
                # Ends that cannot be are infinitely far.
                steps = square[numpy.ix_(members[left], members[right])]
                total = ways[first, members[left]][:, None] + steps + ways[members[right], last][None]
                found[first, last] = total.min()
        # A way that ends in the part where it began is none through the whole.
        for part in members[left], members[right]:
            ways[numpy.ix_(part, part)] = numpy.inf
        for (first, last), length in found.items():
            ways[first, last] = ways[last, first] = length
        members.append(members[left] + members[right])
    return float(ways.min())


cases = []
for name in ["iris", "wine-standardised", "digits-120"]:
    path = pathlib.Path(os.environ["PURLIN_DATA"], "reference/clustering", name + ".json.gz")
    with gzip.open(path) as file:
        reference = json.load(file)
    x = numpy.array(reference["X"])
    for case in reference["linkage"]:
        if case["metric"] != "euclidean":
            continue
        distances = pdist(x)
        square = squareform(distances)
        order = leaves_list(optimal_leaf_ordering(numpy.array(case["Z"]), distances))
        scipys = float(sum(square[a, b] for a, b in zip(order, order[1:])))
        merges = [(int(row[0]), int(row[1])) for row in case["Z"]]
        optimal = optimal_cost(merges, square)
        cases.append({"set": name, "method": case["method"], "optimal": optimal, "scipy": scipys})

libraries = {"numpy": numpy.__version__, "scipy": scipy.__version__}
out = pathlib.Path(__file__).with_name("leaf_order.json")
out.write_text(json.dumps({"libraries": libraries, "cases": cases}, indent=1) + "\n")
