"""The measure itself: it must be able to tell."""

from __future__ import annotations

import pytest

from tests.growth import grows_linearly


def test_what_is_linear_passes_and_what_is_quadratic_fails() -> None:
    grows_linearly(lambda size: lambda: sum(range(100 * size)), 10_000)
    with pytest.raises(AssertionError, match=r"s, then"):
        grows_linearly(lambda size: lambda: [sum(range(size)) for _ in range(size)], 1_300)
