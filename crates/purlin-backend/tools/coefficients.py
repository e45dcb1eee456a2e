"""Makes src/math/coefficients.rs: minimax polynomials by Remez's exchange algorithm.

    python3 tools/coefficients.py > src/math/coefficients.rs && cargo fmt -p purlin-backend

Needs mpmath 1.3 only. Each polynomial minimises the weighted error over its interval in 60-digit
arithmetic; then its coefficients are rounded. Where the first one decides the last bit of the
result, what its rounding lost is kept as a second number.
"""

from mpmath import mp, mpf, matrix, lu_solve, exp, expm1, log, sin, cos, tanh, erf, erfc, sqrt, pi, atanh

mp.dps = 60


def fit(f, weight, a, b, powers):
    """Coefficients c with max |weight (sum c x^p - f)| least on [a, b], and that maximum."""
    n = len(powers)
    # Chebyshev points of the interval to begin with.
    xs = [(a + b) / 2 - (b - a) / 2 * cos(pi * i / n) for i in range(n + 1)]
    coefficients = None
    for _ in range(40):
        system, right = matrix(n + 1, n + 1), matrix(n + 1, 1)
        for i, x in enumerate(xs):
            for j, p in enumerate(powers):
                system[i, j] = x**p
            system[i, n] = (-1) ** i / weight(x)
            right[i] = f(x)
        solution = lu_solve(system, right)
        coefficients, level = [solution[j] for j in range(n)], abs(solution[n])

        def error(x):
            return weight(x) * (sum(c * x**p for c, p in zip(coefficients, powers)) - f(x))

        # One extremum between each two sign changes, found on a grid and refined.
        count = 24 * n
        grid = [(a + b) / 2 - (b - a) / 2 * cos(pi * i / count) for i in range(count + 1)]
        values = [error(x) for x in grid]
        groups, start = [], 0
        for i in range(1, count + 2):
            if i == count + 1 or (values[i] > 0) != (values[start] > 0):
                groups.append(max(range(start, i), key=lambda k: abs(values[k])))
                start = i
        if len(groups) < n + 1:
            break
        while len(groups) > n + 1:
            groups.pop(0 if abs(values[groups[0]]) < abs(values[groups[-1]]) else -1)
        xs = [grid[k] for k in groups]
        most = max(abs(values[k]) for k in groups)
        if most < level * mpf("1.02"):
            break
    worst = max(abs(error((a + b) / 2 - (b - a) / 2 * cos(pi * i / 500))) for i in range(501))
    return coefficients, worst


def nearest(x, bits):
    """x rounded to `bits` of precision."""
    with mp.workprec(bits):
        return +x


def rounded_fit(f, weight, a, b, degree, bits):
    """The fit of degree `degree` with every coefficient rounded, and its largest error."""
    a, b = mpf(a), mpf(b)
    exact, _ = fit(f, weight, a, b, list(range(degree + 1)))
    rounded = [nearest(c, bits) for c in exact]
    # What rounding takes from the first one.
    rest = nearest(exact[0] - rounded[0], bits)
    grid = [(a + b) / 2 - (b - a) / 2 * cos(pi * i / 700) for i in range(701)]
    polynomial = [rounded[0] + rest] + rounded[1:]
    worst = max(abs(weight(x) * (sum(c * x**p for p, c in enumerate(polynomial)) - f(x))) for x in grid)
    return rounded, rest, worst


def away(f, at_zero):
    """f, with its limit at 0."""
    return lambda x: at_zero if x == 0 else f(x)


third = mpf(1) / 3
LN2_2 = log(mpf(2)) / 2
POLYNOMIALS = [
    # name, doc, function of the variable, weight (error in the result), interval, degrees (f32, f64)
    ("EXP", "`(e^r - 1 - r) / r^2` for `|r| <= ln 2 / 2`.",
     lambda r: mpf(1) / 2 + r / 6 + r**2 / 24 if abs(r) < mpf("1e-18") else (expm1(r) - r) / r**2, lambda r: mpf("0.12"), -LN2_2 * mpf("1.001"), LN2_2 * mpf("1.001"), (4, 10)),
    ("LN", "`(2 atanh s - 2 s) / s^3` in `z = s^2`, for `|s| <= (sqrt 2 - 1) / (sqrt 2 + 1)`.",
     away(lambda z: (2 * atanh(sqrt(z)) - 2 * sqrt(z)) / sqrt(z) ** 3, 2 * third), lambda z: z + mpf("1e-4"), 0, mpf("0.02945"), (3, 7)),
    ("SIN", "`(sin r - r) / r^3` in `z = r^2`, for `|r| <= pi / 4`.",
     away(lambda z: (sin(sqrt(z)) - sqrt(z)) / sqrt(z) ** 3, -third / 2), lambda z: z + mpf("1e-3"), 0, mpf("0.6172"), (3, 6)),
    ("COS", "`(cos r - 1 + r^2 / 2) / r^4` in `z = r^2`, for `|r| <= pi / 4`.",
     away(lambda z: (cos(sqrt(z)) - 1 + z / 2) / z**2, mpf(1) / 24), lambda z: z**2 + mpf("1e-3"), 0, mpf("0.6172"), (2, 6)),
    ("TANH", "`(tanh x - x) / x^3` in `z = x^2`, for `|x| <= 0.625`.",
     away(lambda z: (tanh(sqrt(z)) - sqrt(z)) / sqrt(z) ** 3, -third), lambda z: z + mpf("1e-3"), 0, mpf("0.3907"), (4, 12)),
    ("ERF", "`erf(x) / x - 1` in `z = x^2`, for `|x| <= 0.875`.",
     away(lambda z: erf(sqrt(z)) / sqrt(z) - 1, 2 / sqrt(pi) - 1), lambda z: mpf(1), 0, mpf("0.766"), (7, 15)),
]


def scaled(k, most):
    """(1 + 2x) e^(x^2) erfc(x) as a function of t = (x - k) / (x + k)."""
    def g(t):
        x = k * (1 + t) / (1 - t)
        return (1 + 2 * x) * exp(x * x) * erfc(x)
    return g, (most - k) / (most + k)


def show(name, doc, narrow, wide):
    for label, (coefficients, rest, worst) in (("f32", narrow), ("f64", wide)):
        print(f"/// {doc} For `{label}`; error 2^{float(log(worst, 2)):.1f}.")
        print(f"pub(super) const {name}_{label.upper()}: [f64; {len(coefficients)}] = [")
        for c in coefficients:
            print(f"    {float(c)!r},")
        print("];")
        if name in ("ERFCX", "LN"):
            print(f"/// What rounding took from the first one.")
            print(f"pub(super) const {name}_REST_{label.upper()}: f64 = {float(rest)!r};")


def main():
    print("//! Minimax polynomials, lowest coefficient first. Made by `tools/coefficients.py`.")
    print('#![allow(clippy::unreadable_literal, clippy::excessive_precision, reason = "made by a program")]')
    print()
    for name, doc, f, weight, a, b, degrees in POLYNOMIALS:
        fits = [rounded_fit(f, weight, a, b, d, bits) for d, bits in zip(degrees, (24, 53))]
        show(name, doc, *fits)
    fits = []
    for degree, bits, k, most in ((11, 24, 2, "10.3"), (24, 53, 4, "27.6")):
        g, end = scaled(mpf(k), mpf(most))
        fits.append(rounded_fit(g, lambda t: 1, -1, end, degree, bits))
    show("ERFCX", "`(1 + 2x) e^(x^2) erfc(x)` in `t = (x - k) / (x + k)`, `k` = 2 (f32) or 4 (f64).", *fits)


if __name__ == "__main__":
    main()
