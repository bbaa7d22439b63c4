"""Sees what each test really did, from as far inside as pytest's hooks reach.

It is registered late, after the conftests, and its wrappers are ``trylast``: they are the
innermost, so whatever another hook does to an exception or a report happens outside.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Generator
from typing import Any

import pytest

Emit = Callable[..., None]


class CollectionWitness:
    """Emits ``collect-failed`` for each collector that raised, whatever is made of its report."""

    def __init__(self, emit: Emit) -> None:
        self._emit = emit

    @pytest.hookimpl(wrapper=True, trylast=True)
    def pytest_make_collect_report(
        self, collector: pytest.Collector
    ) -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
        report = yield
        if report.failed:
            self._emit("collect-failed", id=collector.nodeid)
        return report


class Witness:
    """Emits ``phase`` once for each attempt at the setup, call or teardown of a test.

    ``raised`` is the exception's type, or None; ``kind`` is ``ok``, ``skip``, ``xfail`` or
    ``error``; ``ran`` says whether the test's own function was entered, None where that cannot be
    known (generators, items that are no functions).
    """

    def __init__(self, emit: Emit, index: Callable[[str], int]) -> None:
        self._emit = emit
        self._index = index
        self._ran: bool | None = None
        self._raised: BaseException | None = None

    @pytest.hookimpl(wrapper=True, trylast=True)
    def pytest_runtest_setup(self, item: pytest.Item) -> Generator[None, object, object]:
        return (yield from self._phase(item, "setup"))

    @pytest.hookimpl(wrapper=True, trylast=True)
    def pytest_runtest_teardown(self, item: pytest.Item) -> Generator[None, object, object]:
        return (yield from self._phase(item, "teardown"))

    @pytest.hookimpl(wrapper=True, trylast=True)
    def pytest_runtest_call(self, item: pytest.Item) -> Generator[None, object, object]:
        self._raised = None
        self._ran = False if _is_watchable(item) else None
        if self._ran is None or not _is_unittest(item):
            return (yield from self._phase(item, "call"))
        function = item.obj  # type: ignore[attr-defined]
        item.obj = self._watched(function)  # type: ignore[attr-defined]
        try:
            return (yield from self._phase(item, "call"))
        finally:
            item.obj = function  # type: ignore[attr-defined]

    @pytest.hookimpl(wrapper=True, trylast=True)
    def pytest_pyfunc_call(self, pyfuncitem: pytest.Function) -> Generator[None, object, object]:
        function = pyfuncitem.obj
        if self._ran is None:
            return (yield)
        pyfuncitem.obj = self._watched(function)
        try:
            return (yield)
        finally:
            pyfuncitem.obj = function

    def _phase(self, item: pytest.Item, when: str) -> Generator[None, object, object]:
        try:
            result = yield
        except BaseException as error:
            self._tell(item, when, error)
            raise
        self._tell(item, when, self._raised or _unittest_error(item) if when == "call" else None)
        return result

    def _watched(self, function: Callable[..., Any]) -> Callable[..., Any]:
        """The test function, telling that it ran and what its last run raised."""
        if inspect.iscoroutinefunction(function):

            @functools.wraps(function)
            async def watched(*args: Any, **kwargs: Any) -> Any:
                self._ran, self._raised = True, None
                try:
                    return await function(*args, **kwargs)
                except BaseException as error:
                    self._raised = error
                    raise
        else:

            @functools.wraps(function)
            def watched(*args: Any, **kwargs: Any) -> Any:
                self._ran, self._raised = True, None
                try:
                    return function(*args, **kwargs)
                except BaseException as error:
                    self._raised = error
                    raise

        return watched

    def _tell(self, item: pytest.Item, when: str, error: BaseException | None) -> None:
        self._emit(
            "phase",
            test=self._index(item.nodeid),
            when=when,
            kind=_kind(error),
            raised=None if error is None else type(error).__name__,
            ran=self._ran if when == "call" else None,
        )
        self._raised = None


def _is_watchable(item: pytest.Item) -> bool:
    if not isinstance(item, pytest.Function) or not callable(item.obj):
        return False
    function = inspect.unwrap(item.obj)
    if _is_unittest(item) and inspect.iscoroutinefunction(function):
        return False  # unittest calls these without asking the item for its function
    return not (inspect.isasyncgenfunction(function) or inspect.isgeneratorfunction(function))


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
