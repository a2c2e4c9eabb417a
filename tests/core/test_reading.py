"""A reading's values have their places on its scale."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from token_explorer.core.reading import Reading

values = st.lists(st.floats(-1e6, 1e6, width=32), min_size=2, max_size=8)


def reading(numbers: list[float], low: float, high: float, **more: object) -> Reading:
    return Reading(
        key="key", title="title", unit="", values=np.array(numbers, np.float32), low=low, high=high, **more
    )  # type: ignore[arg-type]


def test_places_run_from_the_low_end_to_the_high_one() -> None:
    places = reading([-1e30, 0.0, 4.0, 8.0, np.inf, np.nan], 0.0, 8.0).places
    np.testing.assert_allclose(places, [0.0, 0.0, 0.5, 1.0, 1.0, np.nan])


def test_equal_ratios_are_equal_steps_on_a_scale_of_ratios() -> None:
    places = reading([1.0, 10.0, 100.0, 1000.0, 49152.0, np.nan], 1.0, 1000.0, scale="log").places
    np.testing.assert_allclose(places, [0.0, 1 / 3, 2 / 3, 1.0, 1.0, np.nan], atol=1e-6)


@given(values)
def test_a_higher_value_never_has_a_lower_place(numbers: list[float]) -> None:
    places = reading(sorted(numbers), -3.0, 5.0).places
    assert (np.diff(places) >= 0).all()
    assert ((places >= 0) & (places <= 1)).all()


@pytest.mark.parametrize(
    ("low", "high", "scale"), [(1.0, 1.0, "linear"), (2.0, 1.0, "log"), (0.0, 1.0, "log")]
)
def test_a_scale_that_cannot_be_is_refused(low: float, high: float, scale: str) -> None:
    with pytest.raises(ValueError, match="scale"):
        reading([1.0], low, high, scale=scale)
