"""Makes tests/reference/math_f64.txt: arguments, and the functions' values with 60 digits.

    cargo build -p purlin-backend --example evaluate
    python3 tools/reference.py target/debug/examples/evaluate > tests/reference/math_f64.txt

Draws arguments for every function of `purlin_backend::math`, lets the example compute them, and
keeps those with the greatest errors and some of the others. Needs mpmath 1.3 only.
"""

import random
import struct
import subprocess
import sys

from mpmath import mp, mpf, exp, expm1, log, log1p, sin, cos, tanh, erf, erfc, power, sqrt, pi, floor

mp.dps = 60
DRAWN, HARDEST, OTHERS = 100_000, 60, 60
LEAST, DIGITS = -1074, 53


def to_bits(x):
    return struct.unpack("<Q", struct.pack("<d", x))[0]


def from_bits(b):
    return struct.unpack("<d", struct.pack("<Q", b))[0]


def logistic(x):
    return 1 / (1 + exp(-x))


# name: function, interval in which it is not trivial
FUNCTIONS = {
    "exp": (exp, -745, 709.7),
    "expm1": (expm1, -50, 709.7),
    "ln": (log, 0, 4),
    "ln_1p": (log1p, -1, 3),
    "sin": (sin, -100, 100),
    "cos": (cos, -100, 100),
    "tanh": (tanh, -22, 22),
    "sigmoid": (logistic, -744, 50),
    "silu": (lambda x: x * logistic(x), -750, 60),
    "softplus": (lambda x: log1p(exp(x)), -744, 60),
    "erf": (erf, -6.5, 6.5),
    "erfc": (erfc, -6, 27.2),
    "gelu": (lambda x: x * erfc(-x / sqrt(mpf(2))) / 2, -38.4, 10),
    "gelu_tanh": (lambda x: x * logistic(2 * sqrt(2 / pi) * (x + mpf("0.044715") * x**3)), -21.4, 10),
    "pow": (power, 0, 0),
}
# Whose arguments may be of any size.
UNBOUNDED = ("ln", "ln_1p", "sin", "cos")


def arguments(name, rng):
    _, low, high = FUNCTIONS[name]
    if name == "pow":
        kind = rng.randrange(3)
        if kind == 0:
            return rng.uniform(0.001, 3), rng.uniform(-60, 60)
        x = 2.0 ** rng.uniform(-1060, 1000) if kind == 1 else 1 + rng.choice([-1, 1]) * 2.0 ** rng.uniform(-50, -1)
        return x, rng.uniform(-1, 1) * 708 / max(abs(float(log(mpf(x)))), 1e-300)
    kind = rng.randrange(3)
    if kind == 0:
        x = rng.uniform(low, high)
    elif kind == 1:
        x = rng.choice([-1, 1]) * 2.0 ** rng.uniform(-60, 6)
    else:
        x = from_bits(rng.getrandbits(64))
        if x != x or abs(x) == float("inf") or (name not in UNBOUNDED and abs(x) > 1):
            return arguments(name, rng)
    if name == "ln":
        x = abs(x)
    if not (low <= x <= high) and not (name in UNBOUNDED and x > low):
        return arguments(name, rng)
    return (x,) if x != 0 and not (name == "ln_1p" and x <= -1) else arguments(name, rng)


def error(got, exact):
    exponent = max(int(floor(log(abs(exact), 2))) - DIGITS + 1, LEAST)
    return float(abs(mpf(got) - exact) / mpf(2) ** exponent)


def main():
    rng = random.Random(1)
    print(f"# {DRAWN} arguments drawn per function; kept: the {HARDEST} hardest and {OTHERS} others.")
    print("# function, argument(s), value rounded to double, what that lost; bits in hexadecimal.")
    for name, (function, _, _) in FUNCTIONS.items():
        drawn = [arguments(name, rng) for _ in range(DRAWN)]
        request = "\n".join(" ".join([name] + [f"{to_bits(x):x}" for x in args]) for args in drawn)
        answer = subprocess.run([sys.argv[1]], input=request, capture_output=True, text=True, check=True)
        rows = []
        for args, bits in zip(drawn, answer.stdout.split()):
            exact = function(*[mpf(x) for x in args])
            if 0 < abs(exact) < mpf(2) ** 1023 and abs(exact) > mpf(2) ** (LEAST - 1):
                rows.append((error(from_bits(int(bits, 16)), exact), args, exact))
        rows.sort(key=lambda row: -row[0])
        print(name, rows[0][:2], file=sys.stderr, flush=True)
        for _, args, exact in rows[:HARDEST] + rng.sample(rows[HARDEST:], OTHERS):
            high = float(exact)
            numbers = list(args) + [high, float(exact - mpf(high))]
            print(name, " ".join(f"{to_bits(x):x}" for x in numbers))


if __name__ == "__main__":
    main()
