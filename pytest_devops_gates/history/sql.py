"""The tables of the history and all that is said to them: one set of statements for both databases.

Times are texts that sort (RFC 3339, UTC), numbers of a run one JSON object, and what is large is
compressed. ``{text}``, ``{bytes}`` and ``{real}`` are what a database calls these types; texts sort
by their bytes in both.
"""

from __future__ import annotations

from collections.abc import Iterable

VERSION = 1
"""Counts up with each change of the tables; see ``MIGRATIONS``."""

RUNS, TESTS, FAILURES = "devops_gates_runs", "devops_gates_tests", "devops_gates_failures"
DEPLOYMENTS, INCIDENTS = "devops_gates_deployments", "devops_gates_incidents"

_EVENTS = """CREATE TABLE {name} (
    project {{text}} NOT NULL,
    id {{text}} NOT NULL,
    started {{text}} NOT NULL,
    environment {{text}} NOT NULL,
    rank {{text}} NOT NULL,
    body {{text}} NOT NULL,
    PRIMARY KEY (project, id)
)"""

MIGRATIONS: dict[int, tuple[str, ...]] = {
    1: (
        f"""CREATE TABLE {RUNS} (
    project {{text}} NOT NULL,
    run_id {{text}} NOT NULL,
    started {{text}} NOT NULL,
    profile {{text}} NOT NULL,
    verdict {{text}} NOT NULL,
    complete INTEGER NOT NULL,
    sha {{text}},
    dirty INTEGER NOT NULL,
    seconds {{real}} NOT NULL,
    metrics {{text}} NOT NULL,
    detail {{bytes}} NOT NULL,
    PRIMARY KEY (project, run_id)
)""",
        f"CREATE INDEX {RUNS}_newest ON {RUNS} (project, started, run_id)",
        f"CREATE INDEX {RUNS}_profile ON {RUNS} (project, profile, started, run_id)",
        f"CREATE INDEX {RUNS}_commit ON {RUNS} (project, sha, started, run_id)",
        f"""CREATE TABLE {TESTS} (
    project {{text}} NOT NULL,
    run_id {{text}} NOT NULL,
    started {{text}} NOT NULL,
    body {{bytes}} NOT NULL,
    PRIMARY KEY (project, run_id)
)""",
        f"CREATE INDEX {TESTS}_newest ON {TESTS} (project, started)",
        f"""CREATE TABLE {FAILURES} (
    project {{text}} NOT NULL,
    run_id {{text}} NOT NULL,
    place INTEGER NOT NULL,
    test {{text}} NOT NULL,
    outcome {{text}} NOT NULL,
    body {{text}} NOT NULL,
    PRIMARY KEY (project, run_id, place)
)""",
        _EVENTS.format(name=DEPLOYMENTS),
        f"CREATE INDEX {DEPLOYMENTS}_oldest ON {DEPLOYMENTS} (project, started)",
        _EVENTS.format(name=INCIDENTS),
        f"CREATE INDEX {INCIDENTS}_oldest ON {INCIDENTS} (project, started)",
    ),
}
"""What leads to each version from the one before."""

KEEP_RUN = """INSERT INTO devops_gates_runs
    (project, run_id, started, profile, verdict, complete, sha, dirty, seconds, metrics, detail)
    VALUES (:project, :run_id, :started, :profile, :verdict, :complete, :sha, :dirty, :seconds,
            :metrics, :detail)
    ON CONFLICT (project, run_id) DO NOTHING"""

KEEP_TESTS = """INSERT INTO devops_gates_tests (project, run_id, started, body)
    VALUES (:project, :run_id, :started, :body) ON CONFLICT (project, run_id) DO NOTHING"""

KEEP_FAILURE = """INSERT INTO devops_gates_failures (project, run_id, place, test, outcome, body)
    VALUES (:project, :run_id, :place, :test, :outcome, :body)
    ON CONFLICT (project, run_id, place) DO NOTHING"""

FORGET_TESTS = """DELETE FROM devops_gates_tests WHERE project = :project AND started <
    (SELECT started FROM devops_gates_tests WHERE project = :project
     ORDER BY started DESC LIMIT 1 OFFSET :beyond)"""

RUN_IDS = """SELECT run_id, started FROM devops_gates_runs WHERE project = :project
    ORDER BY started, run_id"""

NEWEST_TESTS = """SELECT run_id FROM devops_gates_tests WHERE project = :project
    ORDER BY started DESC, run_id DESC LIMIT :limit"""

_RUN_FILTERS = {
    "profile": "profile = :profile",
    "verdict": "verdict = :verdict",
    "complete": "complete = :complete",
    "since": "started >= :since",
    "sha": "sha = :sha",
    "dirty": "dirty = :dirty",
    "measured": "metrics LIKE :measured ESCAPE '!'",
    "run_id": "run_id = :run_id",
    "begins": "run_id LIKE :begins ESCAPE '!'",
    "before": "(started < :before OR started = :before AND run_id < :other)",
    "other": "run_id <> :other",
}


def newest_runs(columns: str, filters: Iterable[str]) -> str:
    """Asks for columns of the newest runs of a project that meet the filters, by their names."""
    return _said(
        f"SELECT {columns}",
        "FROM devops_gates_runs",
        "WHERE project = :project",
        *(f"AND {_RUN_FILTERS[name]}" for name in filters),
        "ORDER BY started DESC, run_id DESC LIMIT :limit",
    )


def of_runs(table: str, column: str, names: Iterable[str]) -> str:
    """Asks for what a table holds of the runs whose ids are the values of these names."""
    asked = ", ".join(f":{name}" for name in names)
    return _said(
        f"SELECT run_id, {column}",
        f"FROM {table}",
        f"WHERE project = :project AND run_id IN ({asked})",
        "ORDER BY run_id, place" if table == FAILURES else "",
    )


def keep_event(table: str, *, if_other: bool = False) -> str:
    """Keeps a deployment or an incident unless what is kept ranks higher, or (``if_other``) says
    the same."""
    return _said(
        f"INSERT INTO {table}",
        "(project, id, started, environment, rank, body)",
        "VALUES (:project, :id, :started, :environment, :rank, :body)",
        "ON CONFLICT (project, id) DO UPDATE SET started = excluded.started,",
        "environment = excluded.environment, rank = excluded.rank, body = excluded.body",
        f"WHERE excluded.rank > {table}.rank",
        f"AND excluded.body <> {table}.body" if if_other else "",
    )


def events(table: str, filters: Iterable[str]) -> str:
    """Asks for what is kept of deployments or incidents, oldest first."""
    known = {"environment": "AND environment = :environment", "since": "AND started >= :since"}
    return _said(
        "SELECT rank, body",
        f"FROM {table}",
        "WHERE project = :project",
        *(known[name] for name in filters),
        "ORDER BY started, id",
    )


def beginning(text: str) -> str:
    """A pattern of LIKE for what begins with a text."""
    return _literally(text) + "%"


def within(text: str) -> str:
    """A pattern of LIKE for what holds a text."""
    return f"%{_literally(text)}%"


def _said(*words: str) -> str:
    """A statement of our own words alone: what comes from elsewhere is a named parameter of it."""
    return " ".join(word for word in words if word)


def _literally(text: str) -> str:
    return text.replace("!", "!!").replace("%", "!%").replace("_", "!_")
