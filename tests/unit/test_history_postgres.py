"""The history in PostgreSQL: what may go wrong between it and us, and that no password is told.

What it keeps and answers is tested beside SQLite, in test_history_store.py.
"""

from __future__ import annotations

import socket
import sys
import threading
from pathlib import Path

import pytest

from pytest_devops_gates.errors import CannotTell
from pytest_devops_gates.history import postgres as module
from pytest_devops_gates.history import sql
from pytest_devops_gates.history.place import VARIABLE
from pytest_devops_gates.history.store import open_store
from pytest_devops_gates.outside import HistoryTable
from tests.unit.history_samples import PROJECT, deployment, incident, run
from tests.unit.postgres_server import Server, postgres, server

__all__ = ["postgres", "server"]
INSTALL = r"python -m pip install 'pytest-devops-gates\[history\]'"
PASSWORD = "s3" + "same/@:"
QUOTED = "s3same%2F%40%3A"


def record(root: Path, url: str) -> None:
    with open_store(root, HistoryTable(url=url), {}) as store:
        store.record(run(1))


def refusal(root: Path, url: str) -> str:
    with pytest.raises(CannotTell) as told:
        record(root, url)
    message = str(told.value)
    assert told.value.__cause__ is None
    assert told.value.__suppress_context__ or told.value.__context__ is None
    assert "\n" not in message
    assert not any(secret in message for secret in (PASSWORD, QUOTED, "s3same"))
    return message


@pytest.mark.parametrize("name", ["sqlalchemy", "psycopg"])
def test_what_is_missing_is_told_with_the_line_that_installs_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(CannotTell, match=f"PostgreSQL needs .* · {INSTALL}"):
        record(tmp_path, f"postgresql://ann:{QUOTED}@127.0.0.1:1/tea")


@pytest.mark.parametrize("url", [
    f"postgresql://ann:{QUOTED}@127.0.0.1:1/tea",
    f"postgresql://ann@127.0.0.1:1/tea?password={QUOTED}",
    f"postgresql://ann:{QUOTED}@127.0.0.1:port/tea",
    f"postgresql://ann:{QUOTED}@127.0.0.1:99999999/tea",
    f"postgres://ann@127.0.0.1:1/tea?sslpassword={QUOTED}&nonsense={QUOTED}",
    f"postgresql://ann:{PASSWORD}@127.0.0.1:1/tea",
])  # fmt: skip
def test_who_does_not_answer_is_told_without_a_password(tmp_path: Path, url: str) -> None:
    assert " · " in refusal(tmp_path, url)


@pytest.mark.parametrize("said", [
    f"FATAL: no pg_hba.conf entry for password {PASSWORD}",
    f"invalid dsn: {QUOTED}\nand more",
    "cannot reach postgresql://ann:another@127.0.0.1/tea",
])  # fmt: skip
def test_no_line_of_the_driver_shows_a_password(said: str) -> None:
    database = module.Postgres.__new__(module.Postgres)
    database._place = "db/tea"
    database._secrets = module._secrets(module._parsed(f"postgresql://ann:{QUOTED}@db/tea"))
    told = database._in_words(OSError(said))
    assert not any(secret in told for secret in (PASSWORD, QUOTED, "another"))
    assert "\n" not in told
    assert told.endswith(f"check {VARIABLE}")


@pytest.mark.slow
def test_a_server_that_says_nothing_is_not_waited_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "CONNECT", 2)  # libpq's least
    with socket.socket() as deaf:
        deaf.bind(("127.0.0.1", 0))
        deaf.listen()
        url = f"postgresql://ann:{QUOTED}@127.0.0.1:{deaf.getsockname()[1]}/tea"
        assert "timeout" in refusal(tmp_path, url)


@pytest.mark.slow
def test_a_wrong_password_is_told_and_not_shown(tmp_path: Path, server: Server) -> None:
    told = refusal(tmp_path, server.url("postgres", QUOTED))
    assert "password authentication failed" in told
    assert told.endswith(f"check {VARIABLE}")


@pytest.mark.slow
def test_tables_of_a_newer_version_are_left_alone(
    tmp_path: Path, server: Server, postgres: str
) -> None:
    record(tmp_path, postgres)
    name = postgres.rpartition("/")[2]
    server.ask(f"INSERT INTO devops_gates_schema VALUES ({sql.VERSION + 1})", database=name)
    assert "was made by a newer version (its tables are of version 2, ours of 1)" in refusal(
        tmp_path, postgres
    )


@pytest.mark.slow
def test_whoever_may_only_read_reads(tmp_path: Path, server: Server, postgres: str) -> None:
    record(tmp_path, postgres)
    name = postgres.rpartition("/")[2]
    server.ask(
        f"CREATE ROLE reader LOGIN PASSWORD '{server.password}'",
        "GRANT SELECT ON ALL TABLES IN SCHEMA public TO reader",
        database=name,
    )
    url = postgres.replace("//gates:", "//reader:")
    with open_store(tmp_path, HistoryTable(url=url), {}) as store:
        assert store.run(PROJECT, run(1).run_id) == run(1)
        with pytest.raises(CannotTell, match="permission denied for table devops_gates_runs"):
            store.record(run(2))
        assert len(store.runs(PROJECT)) == 1  # the connection is fit for use


@pytest.mark.slow
def test_who_is_in_the_way_of_others_tries_again(
    tmp_path: Path, server: Server, postgres: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two keep the same records in the opposite order: PostgreSQL ends one of them."""
    record(tmp_path, postgres)
    tries = []
    monkeypatch.setattr(module.random, "uniform", lambda a, b: tries.append(a) or 0.01)
    both = threading.Barrier(2)

    def keep(names: list[int]) -> None:
        with open_store(tmp_path, HistoryTable(url=postgres), {}) as store:
            both.wait(10)
            store.keep_deployments(PROJECT, [deployment(n) for n in names])

    for round_ in range(10):
        numbers = list(range(round_ * 500, round_ * 500 + 500))
        threads = [threading.Thread(target=keep, args=(some,)) for some in (numbers, numbers[::-1])]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(30)
        if tries:
            break
    assert tries, "there was no deadlock"
    with open_store(tmp_path, HistoryTable(url=postgres), {}) as store:
        assert len(store.deployments(PROJECT)) == round_ * 500 + 500


@pytest.mark.slow
def test_a_server_that_ends_is_told(tmp_path: Path, server: Server, postgres: str) -> None:
    name = postgres.rpartition("/")[2]
    with open_store(tmp_path, HistoryTable(url=postgres), {}) as store:
        server.ask(
            f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}'"
        )
        with pytest.raises(CannotTell, match=r"terminating connection|server closed"):
            store.keep_incidents(PROJECT, [incident(1)])


@pytest.mark.slow
def test_what_it_acknowledged_is_on_its_disk(tmp_path: Path, server: Server, postgres: str) -> None:
    name = postgres.rpartition("/")[2]
    server.ask(f"ALTER DATABASE {name} SET synchronous_commit = off")
    with open_store(tmp_path, HistoryTable(url=postgres), {}) as store:
        found = store._database.select(
            "SELECT current_setting('synchronous_commit'), current_setting('statement_timeout')", {}
        )
        assert found == [("local", "1min")]


@pytest.mark.slow
def test_others_ask_it_with_sql(tmp_path: Path, server: Server, postgres: str) -> None:
    """What docs/history.md shows for dashboards."""
    record(tmp_path, postgres)
    asked = "SELECT started, (metrics::json ->> 'coverage.line')::float FROM devops_gates_runs"
    assert server.ask(asked, database=postgres.rpartition("/")[2]) == [(run(1).started, 90.01)]
