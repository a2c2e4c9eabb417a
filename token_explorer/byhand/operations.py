"""What a forward is made of: each operation makes a step of others, with the working of each number.

Knows nothing of the order in which a model has them.
"""

import math
from collections.abc import Callable, Mapping, Sequence

import numpy as np

from token_explorer.byhand.lines import Dot, Formula, Line, Sum
from token_explorer.byhand.step import Label, Step
from token_explorer.byhand.weights import Activation, Numbers

_ROOT = math.sqrt(2.0 / math.pi)
_CUBIC = 0.044715
_TANH = "½ f (1 + tanh(√(2/π) (f + 0.044715 f³)))"
_TANH_NUMBERS = "½ × {0} × (1 + tanh(√(2/π) × ({0} + 0.044715 × {0}³)))"
# Hendrycks and Gimpel 2016, "Gaussian Error Linear Units": as it is, and by tanh.
_FORMULAS: Mapping[Activation, tuple[str, str]] = {
    "gelu_new": (_TANH, _TANH_NUMBERS),
    "gelu_pytorch_tanh": (_TANH, _TANH_NUMBERS),
    "gelu": ("½ f (1 + erf(f / √2))", "½ × {0} × (1 + erf({0} / √2))"),
    "relu": ("max(f, 0)", "max({0}, 0)"),
}


def look_up(label: Label, table: Numbers, places: Sequence[int], matrix: str, index: str) -> Step:
    """The rows (T, C) of a table at some places.

    Args:
        matrix, index: what stands for the table and for a place in formulas.
    """

    def working(row: int, column: int) -> tuple[Line, ...]:
        value = float(table[places[row], column])
        place = places[row] + (index == "t")  # positions are counted from 1, ids from 0
        formula = f"{matrix}[{place},{column + 1}]"
        return (Formula(made.at(row, column), formula, "{}", (value,), value),)

    made = Step(label, f"{label.symbol}[t] = {matrix}[{index}]", table[list(places)], working)
    return made


def add(label: Label, left: Step, right: Step) -> Step:
    """The sum (T, C) of two steps: x + y."""

    def working(row: int, column: int) -> tuple[Line, ...]:
        figures = float(left.values[row, column]), float(right.values[row, column])
        formula = f"{left.at(row, column)} + {right.at(row, column)}"
        return (Formula(made.at(row, column), formula, "{} + {}", figures, sum(figures)),)

    formula = f"{label.symbol} = {left.label.symbol} + {right.label.symbol}"
    made = Step(label, formula, left.values + right.values, working, (left, right))
    return made


def mean(label: Label, x: Step) -> Step:
    """The mean (T, 1) of each row."""

    def working(row: int, column: int) -> tuple[Line, ...]:
        total = Sum(
            "Σ", f"{x.label.symbol}[{row + 1},1] + … + {x.label.symbol}[{row + 1},{width}]", x.values[row]
        )
        return (total, _divided(made.at(row, 0), total, "D", width))

    width = x.values.shape[1]
    formula = f"{label.symbol} = Σ {x.label.symbol} / D"
    made = Step(label, formula, x.values.mean(1, keepdims=True), working, (x,))
    return made


def variance(label: Label, x: Step, mean: Step) -> Step:
    """The mean (T, 1) of each row's squared distances from its mean."""

    def working(row: int, column: int) -> tuple[Line, ...]:
        total = Sum("Σ", f"({x.label.symbol}[{row + 1},1] − {mean.row(row)})² + …", squares[row])
        return (total, _divided(made.at(row, 0), total, "D", width))

    width = x.values.shape[1]
    squares = (x.values - mean.values) ** 2
    formula = f"{label.symbol} = Σ ({x.label.symbol} − {mean.label.symbol})² / D"
    made = Step(label, formula, squares.mean(1, keepdims=True), working, (x, mean))
    return made


def norm(
    label: Label, x: Step, mean: Step, variance: Step, gain: Numbers, bias: Numbers, epsilon: float
) -> Step:
    """Layer norm (T, C) of each row, scaled by a gain and moved by a bias (Ba et al. 2016)."""

    def working(row: int, column: int) -> tuple[Line, ...]:
        value, centre = float(x.values[row, column]), float(mean.values[row, 0])
        spread, scaled = float(variance.values[row, 0]), float(plain[row, column])
        formula = f"({x.at(row, column)} − {mean.row(row)}) / √({variance.row(row)} + ε)"
        first = Formula(
            "n̂", formula, f"({{}} − {{}}) / √({{}} + {epsilon:g})", (value, centre, spread), scaled
        )
        figures = scaled, float(gain[column]), float(bias[column])
        formula = f"n̂ × γ[{column + 1}] + β[{column + 1}]"
        value = float(made.values[row, column])
        return (first, Formula(made.at(row, column), formula, "{} × {} + {}", figures, value))

    plain = (x.values - mean.values) / np.sqrt(variance.values + epsilon)
    symbols = x.label.symbol, mean.label.symbol, variance.label.symbol
    formula = "{} = ({} − {}) / √({} + ε) × γ + β".format(label.symbol, *symbols)
    made = Step(label, formula, plain * gain + bias, working, (x, mean, variance))
    return made


def linear(
    label: Label, x: Step, weight: Numbers, bias: Numbers | None, matrix: str, offset: str = ""
) -> Step:
    """The product (T, C) of each row and a matrix, and a bias added where there is one: x W + b.

    Args:
        weight (D, C), bias (C,): the parameters.
        matrix, offset: what stands for them in formulas.
    """

    def working(row: int, column: int) -> tuple[Line, ...]:
        name = made.at(row, column)
        right = f"{matrix}[·,{column + 1}]"
        left = x.row(row)
        product = Dot(
            name if bias is None else "Σ", f"{left} · {right}", x.values[row], weight[:, column], left, right
        )
        if bias is None:
            return (product,)
        figures = product.value, float(bias[column])
        return (product, Formula(name, f"Σ + {offset}[{column + 1}]", "{} + {}", figures, sum(figures)))

    values = x.values @ weight
    made = Step(
        label,
        f"{label.symbol} = {x.label.symbol} {matrix}" + (f" + {offset}" if offset else ""),
        values if bias is None else values + bias,
        working,
        (x,),
    )
    return made


def scores(label: Label, q: Step, k: Step, divisor: float, divisor_name: str) -> Step:
    """How well each query (row) fits each key (column): q · k / √d (Vaswani et al. 2017)."""

    def working(row: int, column: int) -> tuple[Line, ...]:
        left, right = q.row(row), k.row(column)
        product = Dot("Σ", f"{left} · {right}", q.values[row], k.values[column], left, right)
        value = product.value / divisor
        figures = product.value, divisor
        return (product, Formula(made.at(row, column), f"Σ / {divisor_name}", "{} / {}", figures, value))

    formula = f"{label.symbol} = {q.label.symbol} {k.label.symbol}ᵀ / {divisor_name}"
    made = Step(label, formula, q.values @ k.values.T / divisor, working, (q, k))
    return made


def mask(label: Label, scores: Step) -> Step:
    """The scores (T, T) of keys up to the query, and −∞ for those that come later."""

    def working(row: int, column: int) -> tuple[Line, ...]:
        value = float(made.values[row, column])
        if column > row:
            return (
                Formula(
                    made.at(row, column), f"key {column + 1} comes after token {row + 1}", "−∞", (), value
                ),
            )
        return (Formula(made.at(row, column), scores.at(row, column), "{}", (value,), value),)

    later = np.triu(np.ones(scores.values.shape, bool), 1)
    formula = f"{label.symbol}[t,u] = {scores.label.symbol}[t,u] where u ≤ t, else −∞"
    made = Step(label, formula, np.where(later, -np.inf, scores.values), working, (scores,))
    return made


def softmax(label: Label, x: Step) -> Step:
    """Each row's exponentials (T, C), divided by their sum; the largest is taken off first, which cancels."""

    def working(row: int, column: int) -> tuple[Line, ...]:
        value, part = float(x.values[row, column]), float(raised[row, column])
        one = Formula(
            "e", f"exp({x.at(row, column)} − max {x.row(row)})", "exp({} − {})", (value, top[row]), part
        )
        seen = raised[row][np.isfinite(x.values[row])]
        total = Sum("Σ", f"all exp({x.label.symbol}[{row + 1},·] − max)", seen)
        share = Formula(made.at(row, column), "e / Σ", "{} / {}", (part, total.value), part / total.value)
        return (one, total, share)

    top = x.values.max(1).tolist()
    raised = np.exp(x.values - x.values.max(1, keepdims=True))
    formula = f"{label.symbol} = softmax({x.label.symbol})"
    made = Step(label, formula, raised / raised.sum(1, keepdims=True), working, (x,))
    return made


def mix(label: Label, weights: Step, v: Step) -> Step:
    """The values (T, C) of all keys, weighted: a v."""

    def working(row: int, column: int) -> tuple[Line, ...]:
        keys = row + 1  # the others weigh nothing
        left, right = weights.row(row), f"{v.label.symbol}[·,{column + 1}]"
        given, taken = weights.values[row, :keys], v.values[:keys, column]
        return (Dot(made.at(row, column), f"{left} · {right}", given, taken, left, right),)

    formula = f"{label.symbol} = {weights.label.symbol} {v.label.symbol}"
    made = Step(label, formula, weights.values @ v.values, working, (weights, v))
    return made


def join(label: Label, parts: Sequence[Step]) -> Step:
    """What all heads say (T, D), side by side."""

    def working(row: int, column: int) -> tuple[Line, ...]:
        part, within = parts[column // width], column % width
        value = float(part.values[row, within])
        formula = f"head {column // width + 1}: {part.at(row, within)}"
        return (Formula(made.at(row, column), formula, "{}", (value,), value),)

    width = parts[0].values.shape[1]
    formula = f"{label.symbol} = [{' '.join(f'{part.label.symbol}{_small(part)}' for part in parts)}]"
    made = Step(label, formula, np.concatenate([part.values for part in parts], 1), working, tuple(parts))
    return made


def activate(label: Label, x: Step, activation: Activation) -> Step:
    """The activation (T, F) of each number."""

    def working(row: int, column: int) -> tuple[Line, ...]:
        value = float(x.values[row, column])
        return (Formula(made.at(row, column), written, numbers, (value,), float(made.values[row, column])),)

    written, numbers = _FORMULAS[activation]
    formula = f"{label.symbol} = {written}"
    made = Step(label, formula, _FUNCTIONS[activation](x.values), working, (x,))
    return made


def _divided(name: str, total: Sum, symbol: str, count: int) -> Formula:
    return Formula(name, f"Σ / {symbol}", f"{{}} / {count}", (total.value,), total.value / count)


def _small(part: Step) -> str:
    """The number of a head as an index."""
    return "".join(chr(0x2080 + int(digit)) for digit in str(part.label.head))


def _tanh_gelu(x: Numbers) -> Numbers:
    return 0.5 * x * (1.0 + np.tanh(_ROOT * (x + _CUBIC * x**3)))


def _gelu(x: Numbers) -> Numbers:
    errors = np.vectorize(math.erf, otypes=[np.float64])(x / math.sqrt(2.0))
    return np.asarray(0.5 * x * (1.0 + errors), dtype=np.float64)


_FUNCTIONS: Mapping[Activation, Callable[[Numbers], Numbers]] = {
    "gelu_new": _tanh_gelu,
    "gelu_pytorch_tanh": _tanh_gelu,
    "gelu": _gelu,
    "relu": lambda x: np.maximum(x, 0.0),
}
