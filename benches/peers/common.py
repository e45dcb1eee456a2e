"""What all peer programs share: the portable inputs, the timing protocol, the output line."""

import json
import os
import resource
import statistics
import sys
import time

THREADS = int(sys.argv[sys.argv.index("--threads") + 1]) if "--threads" in sys.argv else 2
ONLY = sys.argv[sys.argv.index("--only") + 1].split(",") if "--only" in sys.argv else [""]
QUICK = "--quick" in sys.argv
GROWTH = "--growth" in sys.argv

# Before numpy, torch or TensorFlow is imported.
os.environ["OMP_NUM_THREADS"] = os.environ["MKL_NUM_THREADS"] = str(THREADS)
os.environ["OPENBLAS_NUM_THREADS"] = str(THREADS)
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
if THREADS == 1 and hasattr(os, "sched_setaffinity"):
    os.sched_setaffinity(0, {sorted(os.sched_getaffinity(0))[0]})

import numpy as np  # noqa: E402


def wanted(task):
    return any(part in task for part in ONLY)


def splitmix64(seed, n):
    with np.errstate(over="ignore"):
        i = np.arange(1, n + 1, dtype=np.uint64)
        z = np.uint64(seed) + i * np.uint64(0x9E3779B97F4A7C15)
        z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        return z ^ (z >> np.uint64(31))


def uniform(seed, *shape):
    n = int(np.prod(shape))
    return ((splitmix64(seed, n) >> np.uint64(11)).astype(np.float64) * 2.0**-53).reshape(shape)


def normal(seed, *shape):
    n = int(np.prod(shape))
    u = uniform(seed, n + n % 2)
    r = np.sqrt(-2.0 * np.log1p(-u[0::2]))
    angle = 2.0 * np.pi * u[1::2]
    return np.stack([r * np.cos(angle), r * np.sin(angle)], axis=1).reshape(-1)[:n].reshape(shape)


def integers(seed, n, k):
    return (splitmix64(seed, n) % np.uint64(k)).astype(np.int64)


def measure(call, reps=5):
    """Seconds of one call: warm-up of 2 calls and 0.2 s, then the median of at least 5 blocks of
    at least 20 ms (3 when a block lasts over 5 s, 1 without a second warm-up when a call lasts over 20 s).
    With --growth the caller has warmed up, and the median is of 3 blocks, or of 1 call over 5 s."""
    if GROWTH:
        once = block(call, 1)
        if once > 5:
            return {"median_s": once, "min_s": once, "reps": 1}
        return middle([block(call, max(1, int(np.ceil(0.02 / once)))) for _ in range(3)])
    start, calls = time.perf_counter(), 0
    while calls < 2 or time.perf_counter() - start < 0.2:
        call()
        calls += 1
        if time.perf_counter() - start > 20:
            break
    each = (time.perf_counter() - start) / calls
    per_block = max(1, int(np.ceil(0.02 / each)))
    if each * per_block > 20:
        reps = 1
    elif each * per_block > 5 or QUICK:
        reps = 3
    return middle([block(call, per_block) for _ in range(reps)])


def block(call, n):
    """Seconds of one of n calls."""
    start = time.perf_counter()
    for _ in range(n):
        call()
    return (time.perf_counter() - start) / n


def middle(times):
    return {"median_s": statistics.median(times), "min_s": min(times), "reps": len(times)}


def first_call(call):
    """What the first call took, and its peak of resident memory above what was resident before."""
    try:
        with open("/proc/self/clear_refs", "w", encoding="ascii") as file:
            file.write("5")
    except OSError:
        pass  # the peak so far stays
    before = high_water_mb()
    start = time.perf_counter()
    call()
    return {"first_s": time.perf_counter() - start, "extra_peak_mb": high_water_mb() - before}


def high_water_mb():
    with open("/proc/self/status", encoding="ascii") as file:
        return next(float(line.split()[1]) / 1024 for line in file if line.startswith("VmHWM"))


def peak_rss_mb():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def emit(task, peer, value, unit, higher_is_better, extra):
    line = {
        "task": task,
        "peer": peer,
        "threads": THREADS,
        "value": value,
        "unit": unit,
        "higher_is_better": higher_is_better,
        "extra": extra,
    }
    print(json.dumps(line), flush=True)
