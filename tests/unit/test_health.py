"""Probes of a product that runs, does not run, or lies."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_devops_gates import testing
from pytest_devops_gates.errors import UsageError
from pytest_devops_gates.evidence import Evidence, Severity
from pytest_devops_gates.gates import health
from pytest_devops_gates.gates.health import HEALTH, KEY, HealthOptions
from pytest_devops_gates.operations import probes, probing
from pytest_devops_gates.operations.probes import Probe
from pytest_devops_gates.web import Response
from tests.servers.certificates import self_signed
from tests.servers.daemon import free_port
from tests.servers.liar import Answer, dripping, liar, page, reset
from tests.servers.service import service

SECRET = "a-secret" + "-of-tests"


def checked(root: Path, *asked: Mapping[str, Any]) -> Evidence:
    """What the gate's own function finds, in this process."""
    options = msgspec.convert({"probes": list(asked)}, HealthOptions)
    return health.check(testing.project(root), options, ())


def told(evidence: Evidence) -> list[tuple[str, str, str]]:
    return [(f.rule, f.severity.value, f.message) for f in evidence.findings]


# ---- what is wrong with an answer


def answer(body: bytes = b"", status: int = 200, seconds: float = 0.1) -> Response:
    return Response("http://a/", status, {}, body, seconds)


GOOD: dict[str, tuple[dict[str, Any], Response]] = {
    "nothing asked": ({}, answer()),
    "another status": ({"status": [204, 302]}, answer(status=302)),
    "a body": ({"body": "^o.$"}, answer(b"ok")),
    "no such body": ({"not_body": "error"}, answer(b"ok")),
    "json": ({"json": {"db.0.up": True, "n": 1, "x": 1.5, "s": "a"}},
             answer(b'{"db": [{"up": true}], "n": 1, "x": 1.5, "s": "a"}')),
    "just in time": ({"latency": 0.5}, answer(seconds=0.5)),
}  # fmt: skip
WRONG: dict[str, tuple[dict[str, Any], Response, str, str]] = {
    "status": ({}, answer(b"x", 500), "status", "answered 500, needs 200"),
    "several": (
        {"status": [200, 204]}, answer(status=404), "status", "answered 404, needs 200, 204",
    ),
    "body": ({"body": "ok"}, answer(b"no"), "body", "its body does not match 'ok'"),
    "not-body": ({"not_body": "(?i)error"}, answer(b"ERROR"), "body", "its body matches '(?i)error'"),
    "HTML with 200": (
        {"json": {"status": "ok"}}, answer(b"<html>sign in</html>"), "body", "its body is no JSON",
    ),
    "JSON that breaks off": (
        {"json": {"status": "ok"}}, answer(b'{"status": "ok"'), "body", "its body is no JSON",
    ),
    "two keys": (
        {"json": {"a": 1}}, answer(b'{"a": 2, "a": 1}'), "body", "its body is no JSON",
    ),
    "too deep": ({"json": {"a": 1}}, answer(b"[" * 100_000), "body", "its body is no JSON"),
    "wrong value": (
        {"json": {"db": "up"}}, answer(b'{"db": "down"}'), "body", "db is 'down' in its body, needs 'up'",
    ),
    "true is not 1": (
        {"json": {"a": True}}, answer(b'{"a": 1}'), "body", "a is 1 in its body, needs True",
    ),
    "1 is not true": (
        {"json": {"a": 1}}, answer(b'{"a": true}'), "body", "a is True in its body, needs 1",
    ),
    "null": ({"json": {"a": "x"}}, answer(b'{"a": null}'), "body", "a is None in its body, needs 'x'"),
    "a table": ({"json": {"a": "x"}}, answer(b'{"a": {}}'), "body", "a is dict in its body, needs 'x'"),
    "no such key": (
        {"json": {"a.b": 1}}, answer(b'{"a": 1}'), "body", "its body has no 'a.b'",
    ),
    "no such place": ({"json": {"a.7": 1}}, answer(b'{"a": [1]}'), "body", "its body has no 'a.7'"),
    "late": (
        {"latency": 0.5}, answer(seconds=0.51), "latency", "took 0.51 seconds, needs <= 0.5",
    ),
}  # fmt: skip


@pytest.mark.parametrize(("fields", "given_one"), GOOD.values(), ids=GOOD)
def test_a_good_answer(fields: dict[str, Any], given_one: Response) -> None:
    assert list(probes.wrong(Probe("a", "http://a/", **fields), given_one)) == []


@pytest.mark.parametrize(("fields", "given_one", "rule", "says"), WRONG.values(), ids=WRONG)
def test_a_wrong_answer(fields: dict[str, Any], given_one: Response, rule: str, says: str) -> None:
    (found,) = probes.wrong(Probe("a", "http://a/", **fields), given_one)
    assert (found.rule, found.message, found.severity) == (rule, f"a: {says}", Severity.HIGH)


@given(st.binary(max_size=200), st.text(max_size=20))
def test_no_body_is_too_strange_and_none_is_shown_whole(body: bytes, path: str) -> None:
    probe = Probe("a", "http://a/", json={path: "ok"}, body="never there")
    for found in probes.wrong(probe, answer(body + b"\x1b[2J" + b"long" * 100)):
        assert found.message.isprintable()
        assert "longlonglonglonglonglonglong" not in found.message


def test_a_long_value_is_cut() -> None:
    body = json.dumps({"a": "x" * 500}).encode()
    (found,) = probes.wrong(Probe("a", "http://a/", json={"a": "y"}), answer(body))
    assert len(found.message) < 100


# ---- servers that lie

HEAD = b"HTTP/1.1 200 OK\r\n"
LIES: dict[str, tuple[Answer, dict[str, Any], str]] = {
    "truncated": (HEAD + b"Content-Length: 9\r\n\r\nok", {}, "unreachable"),
    "hangs up": (reset, {}, "unreachable"),
    "no HTTP": (b"220 smtp\r\n", {}, "unreachable"),
    "drips": (dripping(HEAD + b"\r\n", 0.005), {}, "unreachable"),
    "gzip that is none": (page(b"x", "200 OK", "Content-Encoding: gzip"), {}, "unreachable"),
    "more than is read": (page(bytes(probing.LIMIT + 1)), {"timeout": 5.0}, "body"),
    "an error": (page(b"", "503 Service Unavailable"), {}, "status"),
    "leads elsewhere": (page(b"", "302 Found", "Location: /sign-in"), {}, "status"),
    "leads in a circle": (page(b"", "302 Found", "Location: /"), {"follow": True}, "status"),
    "leads to no page": (
        page(b"", "302 Found", "Location: file:///etc/passwd"), {"follow": True}, "status",
    ),
    "leads to no address": (
        page(b"", "302 Found", "Location: http://[/"), {"follow": True}, "status",
    ),
    "leads nowhere": (
        page(b"", "302 Found", "Location: http://127.0.0.1:1/"), {"follow": True}, "unreachable",
    ),
    "HTML with 200": (page(b"<html>"), {"json": {"status": "ok"}}, "body"),
}  # fmt: skip


@pytest.mark.parametrize(("lie", "fields", "rule"), LIES.values(), ids=LIES)
def test_a_server_that_lies_is_red(
    lie: Answer, fields: dict[str, Any], rule: str, tmp_path: Path
) -> None:
    with liar(lie) as url:
        asked = {"name": "a", "url": url, "timeout": 0.3, "latency": 0.3, **fields}
        evidence = checked(tmp_path, asked)
    assert [found.rule for found in evidence.findings] == [rule]
    assert (evidence.unknown, evidence.examined, evidence.metrics["failing"]) == (None, 1, 1.0)


def test_a_circle_of_redirects_ends(tmp_path: Path) -> None:
    with liar(page(b"", "302 Found", "Location: /")) as url:
        asked = {"name": "a", "url": url, "follow": True, "status": [200, 302]}
        assert told(checked(tmp_path, asked)) == [
            ("status", "high", "a: leads on after 5 redirects"),
        ]


def test_nobody_there_is_down_and_not_unknown(tmp_path: Path) -> None:
    evidence = checked(tmp_path, {"name": "a", "url": f"http://127.0.0.1:{free_port()}/x?key=1"})
    ((rule, severity, message),) = told(evidence)
    assert (rule, severity, evidence.unknown) == ("unreachable", "critical", None)
    assert message.endswith("/x: connection refused")
    assert evidence.metrics == {"probes": 1.0, "failing": 1.0}


def test_a_service_that_fails_and_recovers(tmp_path: Path) -> None:
    with service() as there:
        asked = {"name": "a", "url": there.url, "json": {"status": "ok"}, "latency": 0.2}
        assert told(checked(tmp_path, asked)) == []
        there.errors = True
        assert told(checked(tmp_path, asked)) == [("status", "high", "a: answered 500, needs 200")]
        there.errors, there.delay = False, 0.3
        (found,) = checked(tmp_path, asked).findings
        assert found.rule == "latency"
        assert found.message.endswith("needs <= 0.2")
        there.delay = 0.0
        evidence = checked(tmp_path, asked)
        assert (told(evidence), 0 < evidence.metrics["latency:a"] < 0.2) == ([], True)


def test_all_are_asked_at_once(tmp_path: Path) -> None:
    with service(delay=0.3) as there:
        began = time.monotonic()
        evidence = checked(tmp_path, *({"name": f"p{n}", "url": there.url} for n in range(10)))
        assert time.monotonic() - began < 1.5
    assert (evidence.examined, told(evidence)) == (10, [])


def test_attempts_end_with_the_first_that_is_fine(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(probing, "PAUSE", 0.0)
    with service(errors=True) as there:
        asked = {"name": "a", "url": there.url, "attempts": 3}
        assert len(checked(tmp_path, asked).findings) == 1
        assert there.bad == 3
        there.errors = False
        assert checked(tmp_path, asked).findings == ()
        assert there.good == 1


# ---- redirects, and what is sent


def test_redirects_are_followed_where_it_says_so(tmp_path: Path) -> None:
    with service() as there, liar(page(b"", "302 Found", f"Location: {there.url}/x")) as url:
        asked = {"name": "a", "url": url, "follow": True, "headers": {"X-Own": "1"}}
        assert told(checked(tmp_path, asked)) == []
        assert "x-own" not in there.seen[0], "what is sent to one server goes to no other"


def test_a_secret_goes_to_the_server_and_into_no_message(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HEALTH_TOKEN", f"Bearer {SECRET}")
    with service(errors=True) as there:
        monkeypatch.setenv("HEALTH_URL", f"{there.url}/{SECRET}")
        asked = {"name": "a", "url-env": "HEALTH_URL",
                 "header-env": {"Authorization": "HEALTH_TOKEN"}}  # fmt: skip
        seen = [checked(tmp_path, asked)]
        assert there.seen[0]["authorization"] == f"Bearer {SECRET}"
        monkeypatch.setenv("HEALTH_URL", f"http://127.0.0.1:{free_port()}/{SECRET}")
        seen.append(checked(tmp_path, asked))
        monkeypatch.setenv("HEALTH_URL", f"gopher://{SECRET}")
        seen.append(checked(tmp_path, asked))
        monkeypatch.setenv("HEALTH_URL", there.url)
        monkeypatch.setenv("HEALTH_TOKEN", f"{SECRET}\x7fü")
        seen.append(checked(tmp_path, asked))
    assert SECRET not in repr(seen)
    assert "$HEALTH_URL: connection refused" in told(seen[1])[0][2]
    assert seen[2].unknown == "a: HEALTH_URL: is no address of http or https"
    assert "no header does" in str(seen[3].unknown)


REDIRECTED = {
    "breaks off": (HEAD + b"Content-Length: 9\r\n\r\nok", "its answer breaks off"),
    "leads nowhere": (page(b"", "302 Found", f"Location: http://127.0.0.1:1/{SECRET}"), "refused"),
}


@pytest.mark.parametrize(("there", "says"), REDIRECTED.values(), ids=REDIRECTED)
def test_where_a_secret_address_leads_is_secret_too(
    there: Answer, says: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with (
        liar(there) as last,
        liar(page(b"", "302 Found", f"Location: {last}/{SECRET}/x")) as first,
    ):
        monkeypatch.setenv("HEALTH_URL", f"{first}/")
        seen = checked(tmp_path, {"name": "a", "url-env": "HEALTH_URL", "follow": True})
        port = last.rpartition(":")[2].strip("/")
    ((rule, _, message),) = told(seen)
    assert (rule, says in message, SECRET in repr(seen), port in repr(seen)) == (
        "unreachable", True, False, False,
    )  # fmt: skip


OURS: dict[str, tuple[dict[str, Any], str]] = {
    "a variable that is not set": ({"url-env": "NONE_SUCH"}, "NONE_SUCH is not set"),
    "a header that is not set": (
        {"url": "http://127.0.0.1:1/", "header-env": {"X-A": "NONE_SUCH"}}, "NONE_SUCH is not set",
    ),
    "an authority that is not there": (
        {"url": "https://127.0.0.1:1/", "authority": "none.pem"},
        "authority none.pem: no such file or directory",
    ),
    "an authority that is none": (
        {"url": "https://127.0.0.1:1/", "authority": "pyproject.toml"},
        "authority pyproject.toml: holds no certificates",
    ),
}  # fmt: skip


@pytest.mark.parametrize(("fields", "says"), OURS.values(), ids=OURS)
def test_our_own_trouble_is_unknown(fields: dict[str, Any], says: str, tmp_path: Path) -> None:
    testing.write(tmp_path, {"pyproject.toml": "[project]\nname = 'a'\n"})
    evidence = checked(tmp_path, {"name": "a", **fields})
    assert (evidence.findings, evidence.examined) == ((), 0)
    assert f"a: {says}" in str(evidence.unknown)


def test_our_trouble_with_one_does_not_hide_another_that_is_down(tmp_path: Path) -> None:
    down = {"name": "b", "url": f"http://127.0.0.1:{free_port()}/"}
    judged = testing.judge(
        HEALTH, tmp_path, options={"probes": [{"name": "a", "url-env": "NONE_SUCH"}, down]},
        profile="operate",
    )  # fmt: skip
    assert (judged.outcome, judged.rules) == ("fail", ["unreachable"])


# ---- TLS


def test_a_certificate_that_ends_soon_is_a_warning(tmp_path: Path) -> None:
    served, _ = self_signed(tmp_path, days=5.5)
    with service(served) as there:
        asked = {"name": "a", "url": there.url, "authority": "authority.pem"}
        evidence = checked(tmp_path, asked)
        ((rule, severity, message),) = told(evidence)
        assert (rule, severity) == ("certificate", "medium")
        assert message == "a: its certificate ends in 5.5 days, needs >= 14 · renew it"
        assert 5.4 < evidence.metrics["tls-days"] < 5.6
        assert told(checked(tmp_path, {**asked, "tls-days": 5})) == []
        unseen = checked(tmp_path, {**asked, "tls-days": 0})
        assert (told(unseen), "tls-days" in unseen.inapplicable) == ([], True)
        judged = testing.judge(HEALTH, tmp_path, options={"probes": [asked]}, profile="operate")
        assert judged.outcome == "warn"


def test_a_certificate_that_is_refused_is_red(tmp_path: Path) -> None:
    served, _ = self_signed(tmp_path, days=-1)
    with service(served) as there:
        asked = {"name": "a", "url": there.url, "authority": "authority.pem"}
        ((rule, severity, message),) = told(checked(tmp_path, asked))
    assert (rule, severity) == ("certificate", "high")
    assert message == "a: its certificate is refused: certificate has expired"


def test_through_a_proxy_no_certificate_is_seen(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    served, _ = self_signed(tmp_path, days=50)
    with service(served) as there:
        monkeypatch.setattr(probing.web, "has_proxy", lambda _: False)
        asked = {"name": "a", "url": there.url, "authority": "authority.pem"}
        assert checked(tmp_path, asked).unknown is None
        monkeypatch.setattr(probing.web, "has_proxy", lambda _: True)
        bad = msgspec.structs.replace(answer(status=500), url=there.url)
        monkeypatch.setattr(probing.web, "request", lambda *_, **__: bad)
        seen = checked(tmp_path, asked)
    assert "tls-days = 0" in str(seen.unknown)
    assert told(seen) == [("status", "high", "a: answered 500, needs 200")]
    assert (seen.metrics["latency:a"], seen.examined) == (0.1, 1)


def test_a_scheme_in_capitals_is_https_too(tmp_path: Path) -> None:
    served, _ = self_signed(tmp_path, days=5.5)
    with service(served) as there:
        url = there.url.replace("https", "HTTPS")
        ((rule, _, _),) = told(
            checked(tmp_path, {"name": "a", "url": url, "authority": "authority.pem"})
        )
    assert rule == "certificate"


def test_the_certificate_of_the_last_server_is_dated(tmp_path: Path) -> None:
    served, _ = self_signed(tmp_path, days=5.5)
    with service(served) as there, liar(page(b"", "302 Found", f"Location: {there.url}/x")) as url:
        asked = {"name": "a", "url": url, "follow": True, "authority": "authority.pem"}
        ((rule, _, _),) = told(checked(tmp_path, asked))
    assert rule == "certificate"


# ---- options, levels, canary

MISTAKES: dict[str, tuple[Any, str]] = {
    "no name": ([{"url": "http://a/"}], "probes[0]: the key 'name' is missing"),
    "unknown key": ([{"name": "a", "urll": "x"}], "probes[0].urll: unknown key (did you mean 'url'?)"),
    "no address": ([{"name": "a"}], "probes[0]: needs either url or url-env"),
    "two addresses": ([{"name": "a", "url": "http://a/", "url-env": "B"}], "needs either"),
    "ftp": ([{"name": "a", "url": "ftp://a/"}], "probes[0].url: is no address of http"),
    "a secret by http": (
        [{"name": "a", "url": "http://a/", "header-env": {"X-A": "B"}}],
        "probes[0].url: http would show what the environment holds to everybody; use https",
    ),
    "a password": ([{"name": "a", "url": "http://u:p@a/"}], "send them by header-env"),
    "a pattern": ([{"name": "a", "url": "http://a/", "body": "("}], "body: is no pattern"),
    "a status": ([{"name": "a", "url": "http://a/", "status": [20]}], "probes[0].status"),
    "no status": ([{"name": "a", "url": "http://a/", "status": []}], "names none that is good"),
    "a method": ([{"name": "a", "url": "http://a/", "method": "DELETE"}], "probes[0].method"),
    "HEAD": ([{"name": "a", "url": "http://a/", "method": "HEAD", "body": "x"}], "use GET"),
    "latency": ([{"name": "a", "url": "http://a/", "latency": 0}], "probes[0].latency"),
    "timeout": ([{"name": "a", "url": "http://a/", "timeout": 0.5}], "is less than latency"),
    "attempts": ([{"name": "a", "url": "http://a/", "attempts": 9}], "probes[0].attempts"),
    "twice": ([{"name": "a", "url": "http://a/"}] * 2, "probes[1].name: 'a' is another one's"),
    "a header": ([{"name": "a", "url": "http://a/", "headers": {"a b": "c"}}], "no name of a header"),
    "its value": ([{"name": "a", "url": "http://a/", "headers": {"a": "\n"}}], "what no header does"),
    "both": (
        [{"name": "a", "url": "https://a/", "headers": {"A": "b"}, "header-env": {"a": "B"}}],
        "both say a",
    ),
    "too many": ([{"name": f"p{n}", "url": "http://a/"} for n in range(51)], "more than 50"),
}  # fmt: skip


@pytest.mark.parametrize(("asked", "says"), MISTAKES.values(), ids=MISTAKES)
def test_a_mistake_names_its_key(asked: Any, says: str, tmp_path: Path) -> None:
    with pytest.raises(UsageError) as caught:
        testing.judge(HEALTH, tmp_path, options={"probes": asked})
    assert says in str(caught.value)
    assert str(caught.value).startswith(KEY)


def test_it_does_not_apply_without_probes(tmp_path: Path) -> None:
    judged = testing.judge(HEALTH, tmp_path, profile="operate")
    assert (judged.outcome, "no probes" in judged.reason) == ("not-applicable", True)


@pytest.mark.parametrize("profile", ["commit", "merge", "release"])
def test_it_is_off_elsewhere(profile: str, tmp_path: Path) -> None:
    asked = {"probes": [{"name": "a", "url": "http://127.0.0.1:1/"}]}
    assert testing.judge(HEALTH, tmp_path, options=asked, profile=profile).outcome == "off"


def test_the_worker_gets_what_the_probes_name_and_passes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HEALTH_TOKEN", SECRET)
    with service() as there:
        asked = {"name": "a", "url": there.url, "header-env": {"X-Token": "HEALTH_TOKEN"}}
        judged = testing.judge(HEALTH, tmp_path, options={"probes": [asked]}, profile="operate")
        assert (judged.outcome, there.seen[0]["x-token"]) == ("pass", SECRET)
    assert judged.evidence.receipt is not None
    assert judged.evidence.examined == 1


PLACES = {
    "inline": 'options = {{ probes = [{{ name = "a", url = "{url}" }}] }}\n',
    "tables": '[[tool.devops-gates.gates.health.options.probes]]\nname = "a"\nurl = "{url}"\n',
}


@pytest.mark.parametrize("form", PLACES.values(), ids=PLACES)
def test_the_canary_is_one_more_probe(form: str, tmp_path: Path) -> None:
    text = "[tool.devops-gates.gates.health]\n" + form.format(url="http://127.0.0.1:1/")
    testing.write(tmp_path, {"pyproject.toml": text})
    assert HEALTH.canary is not None
    planted = HEALTH.canary(testing.project(tmp_path), HealthOptions()).files["pyproject.toml"]
    testing.write(tmp_path, {"pyproject.toml": str(planted)})
    tool: Any = testing.project(tmp_path).tool("devops-gates", "gates", "health", "options")
    assert [one["name"] for one in tool["probes"]] == ["devops-gates-canary", "a"]
