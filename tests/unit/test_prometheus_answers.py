"""What Prometheus answers, as 2.42.0 wrote it and as something broken might."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pytest_devops_gates import web
from pytest_devops_gates.errors import CannotTell
from pytest_devops_gates.operations import prometheus
from pytest_devops_gates.operations.endpoint import Server
from pytest_devops_gates.operations.prometheus import Missing, read, value
from tests.servers.daemon import free_port
from tests.servers.liar import Answer, dripping, liar, page, reset

DATA = Path(__file__).parent.parent / "data"
GOOD = b'{"status":"success","data":{"resultType":"scalar","result":[1,"42"]}}'


def saved(name: str) -> tuple[int, Any]:
    status = int(name.rpartition("-")[2])
    return status, json.loads((DATA / f"prometheus-2.42.0-{name}.json").read_bytes())


def vector(*samples: Any, **more: Any) -> dict[str, Any]:
    result = [{"metric": {}, "value": sample} for sample in samples]
    return {"status": "success", "data": {"resultType": "vector", "result": result}, **more}


def test_numbers() -> None:
    assert read(*saved("number-200")) == pytest.approx(0.000999, rel=1e-3)
    assert read(*saved("scalar-200")) == 42
    assert read(200, vector([1.5, "-1.5e-07"])) == -1.5e-07
    assert read(200, vector([1.5, "3"], infos=["not a counter"], warnings=[])) == 3


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("empty-200", "gives no data"),
        ("nan-200", "gives NaN"),
        ("infinite-200", r"gives \+Inf"),
    ],
)
def test_there_may_be_nothing_to_tell(name: str, said: str) -> None:
    with pytest.raises(Missing, match=said):
        read(*saved(name))


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("two-series-200", r"gives 2 series where one is needed · put sum\(\) around it"),
        ("string-200", "gives no number"),
        ("matrix-200", "gives a range and not one number"),
        ("bad-query-400", "answered 400: invalid parameter .* unclosed left parenthesis"),
        ("not-executed-422", "answered 422: found duplicate series"),
        ("timeout-503", "answered 503: query timed out"),
        ("warnings-200", "warns: remote_read: error sending request"),
    ],
)
def test_what_is_not_one_number_is_none(name: str, said: str) -> None:
    with pytest.raises(CannotTell, match=said) as told:
        read(*saved(name))
    assert type(told.value) is CannotTell


@pytest.mark.parametrize(
    ("status", "raw", "said"),
    [
        (200, None, "nothing that Prometheus says"),
        (200, [], "nothing that Prometheus says"),
        (200, {}, "nothing that Prometheus says"),
        (500, {"status": "success"}, "answered 500"),
        (200, {"status": "success"}, "without data"),
        (200, {"status": "success", "data": []}, "without data"),
        (200, {"status": "success", "data": {}}, "another shape"),
        (200, {"status": "success", "data": {"resultType": "vector"}}, "another shape"),
        (200, {"status": "success", "data": {"resultType": "vector", "result": ["1"]}}, "shape"),
        (200, {"status": "success", "data": {"resultType": "vector", "result": [{}]}}, "shape"),
        (200, vector([1, 2]), "another shape"),
        (200, vector([1, "2", 3]), "another shape"),
        (200, vector("12"), "another shape"),
        (200, vector([1, "1_0"]), "is no number"),
        (200, vector([1, " 1"]), "is no number"),
        (200, vector([1, "nan"]), "is no number"),
        (200, vector([1, "0x10"]), "is no number"),
        (200, vector([1, "1e999"]), "is no number"),
        (200, vector([1, "\u0661"]), "is no number"),
        (200, vector([1, "1"], warnings="half of the stores"), "warns: half"),
        (200, vector([1, "1"], warnings=[{"x": 1}]), "warns"),
        (200, vector([1, "1"], isPartial=True), "partial"),
        (
            200,
            {"status": "error", "error": "a\x1b[31m\n" + "b" * 999},
            r"answered 200: a\\x1b\[31m b",
        ),
        (
            200,
            {
                "status": "success",
                "data": {"resultType": "vector", "result": [{"histogram": [1, {}]}]},
            },
            "a histogram",
        ),
    ],
)
def test_broken_answers(status: int, raw: Any, said: str) -> None:
    with pytest.raises(CannotTell, match=said) as told:
        read(status, raw)
    assert len(str(told.value)) < 250
    assert str(told.value).isprintable()


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text() | st.floats(),
    lambda inner: st.lists(inner) | st.dictionaries(
        st.sampled_from(["status", "data", "result", "resultType", "value", "warnings"]), inner
    ),
)  # fmt: skip


@settings(max_examples=60)
@given(_JSON)
def test_nothing_else_is_ever_a_number(raw: Any) -> None:
    with pytest.raises(CannotTell):
        read(200, raw)


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_every_number_is_read(number: float) -> None:
    assert read(200, vector([1, repr(number)])) == number


def server_at(url: str) -> Server:
    return Server(url, "$PROM", {"Authorization": "Bearer " + "x" * 9}, None, True)


HEAD = b"HTTP/1.1 200 OK\r\n"
LIES: dict[str, tuple[Answer, str]] = {
    "HTML": (page(b"<html>Log in</html>"), "no JSON"),
    "nothing": (page(b""), "no JSON"),
    "half of it": (page(GOOD[:-5]), "no JSON"),
    "two of them": (page(GOOD * 2), "no JSON"),
    "NaN": (page(GOOD.replace(b'"42"', b"NaN")), "no JSON"),
    "no UTF-8": (page(b"\xff" + GOOD), "no JSON"),
    "too deep": (page(b"[" * 200_000), "no JSON"),
    "other JSON": (page(b'{"ok": true}'), "nothing that Prometheus says"),
    "truncated": (HEAD + b"Content-Length: 999\r\n\r\n" + GOOD, "breaks off"),
    "hangs up": (reset, "connection reset"),
    "drips": (dripping(HEAD + b"\r\n", 0.005), "no whole answer within 0.3 seconds"),
    "a redirect": (page(b"", "302 Found", "Location: /login"), "answered 302"),
    "who are you": (page(b"Unauthorized", "401 Unauthorized"), "answered 401"),
    "no gateway": (page(b"<html>", "502 Bad Gateway"), "answered 502"),
    "no content": (HEAD.replace(b"200", b"204") + b"\r\n", "answered 204"),
    "an error": (
        page(b'{"status":"error","error":"shutting down"}', "503 Service Unavailable"),
        "answered 503: shutting down",
    ),
}


@pytest.mark.parametrize(("lie", "said"), LIES.values(), ids=LIES)
def test_bad_servers(lie: Answer, said: str) -> None:
    with liar(lie) as url, pytest.raises(CannotTell, match=said) as told:
        value(server_at(url), "sum(x)", None, 0.3)
    message = str(told.value)
    assert message.startswith("$PROM: ")
    assert "127.0.0.1" not in message, "an address that is secret"
    assert "xxx" not in message


def test_more_than_is_read() -> None:
    with (
        liar(page(b" " * (prometheus.LIMIT + 1))) as url,
        pytest.raises(CannotTell, match=r"\$PROM: answers more than 1,048,576 bytes"),
    ):
        value(server_at(url), "sum(x)", None, 5)


def test_a_good_server() -> None:
    with liar(page(GOOD)) as url:
        assert value(server_at(url), "sum(x)", 1.5, 5) == 42


def test_nobody_is_there() -> None:
    with pytest.raises(web.Unreachable, match=r"\$PROM: connection refused"):
        value(server_at(f"http://127.0.0.1:{free_port()}"), "x", None, 5)


def test_a_value_of_another_moment_is_none() -> None:
    result = [{"metric": {}, "value": [1_000_000_000, "0.001"]}]
    answer = {"status": "success", "data": {"resultType": "vector", "result": result}}
    assert prometheus.read(200, answer, 1_000_000_060.0) == 0.001
    with pytest.raises(CannotTell, match="of another moment"):
        prometheus.read(200, answer, 1_772_000_000.0)
