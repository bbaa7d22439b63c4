"""Sees what each test function really did, from as far inside as pytest's hooks reach.

It is registered when the test loop starts, after every conftest, and its wrappers are ``trylast``:
they are the innermost, so whatever another hook does to an exception or a report happens outside.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Generator
from typing import Any

import pytest

Emit = Callable[..., None]


class Witness:
    """Emits ``call`` once for each attempt at a test's call phase.

    ``raised`` is the exception's type, or None; ``kind`` is ``ok``, ``skip``, ``xfail`` or
    ``error``; ``ran`` says whether the test's own function was entered, None where that cannot be
    known (coroutines, generators, items that are no functions).
    """

    def __init__(self, emit: Emit, index: Callable[[str], int]) -> None:
        self._emit = emit
        self._index = index
        self._ran: bool | None = None

    @pytest.hookimpl(wrapper=True, trylast=True)
    def pytest_runtest_call(self, item: pytest.Item) -> Generator[None, object, object]:
        self._ran = False if _is_plain_function(item) else None
        try:
            result = yield
        except BaseException as error:
            self._tell(item, error)
            raise
        self._tell(item, _unittest_error(item))
        return result

    @pytest.hookimpl(wrapper=True, trylast=True)
    def pytest_pyfunc_call(self, pyfuncitem: pytest.Function) -> Generator[None, object, object]:
        function = pyfuncitem.obj
        if self._ran is None or not callable(function):
            return (yield)

        @functools.wraps(function)
        def watched(*args: Any, **kwargs: Any) -> Any:
            self._ran = True
            return function(*args, **kwargs)

        pyfuncitem.obj = watched
        try:
            return (yield)
        finally:
            pyfuncitem.obj = function

    def _tell(self, item: pytest.Item, error: BaseException | None) -> None:
        self._emit(
            "call",
            test=self._index(item.nodeid),
            kind=_kind(error),
            raised=None if error is None else type(error).__name__,
            ran=self._ran,
        )


def _is_plain_function(item: pytest.Item) -> bool:
    if not isinstance(item, pytest.Function) or _is_unittest(item):
        return False
    function = inspect.unwrap(item.obj)
    return not (
        inspect.iscoroutinefunction(function)
        or inspect.isasyncgenfunction(function)
        or inspect.isgeneratorfunction(function)
    )


def _is_unittest(item: pytest.Item) -> bool:
    return any(kind.__name__ == "TestCaseFunction" for kind in type(item).__mro__)


def _unittest_error(item: pytest.Item) -> BaseException | None:
    """unittest keeps its exceptions on the item instead of raising them."""
    kept = getattr(item, "_excinfo", None) if _is_unittest(item) else None
    return kept[0].value if kept else None


def _kind(error: BaseException | None) -> str:
    if error is None:
        return "ok"
    if isinstance(error, pytest.skip.Exception) or type(error).__name__ == "SkipTest":
        return "skip"
    return "xfail" if isinstance(error, pytest.xfail.Exception) else "error"
