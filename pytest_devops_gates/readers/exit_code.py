"""``exit-code``: a command that says all it has to say by ending with 0, or not."""

from __future__ import annotations

from pytest_devops_gates.errors import CannotTell
from pytest_devops_gates.evidence import Evidence, Finding, Rule, Severity
from pytest_devops_gates.gate import Output, Reader
from pytest_devops_gates.process import last_line, last_lines

NOT_STARTED = {126: "could not be started", 127: "was not found"}
"""What a shell exits with. Source: POSIX, Shell Command Language, 2.8.2."""

RULES = (
    Rule(
        "exit-code",
        "The command says by its exit code that something is wrong.",
        "Run it by hand: it says what.",
    ),
)


def read(output: Output) -> Evidence:
    """The exit code as a metric; one that is not 0 is a finding, with the command's last words."""
    code = output.exit_code
    if code in NOT_STARTED:
        why = last_line(output.stderr or output.stdout)
        raise CannotTell(f"exited with {code}: a command in it {NOT_STARTED[code]}: {why}")
    said = output.stderr.strip() or output.stdout
    failed = Finding("exit-code", f"exited with {code}: {last_line(said)}", Severity.HIGH)
    return Evidence.of(
        [failed] if code else [],
        examined=1,
        metrics={"exit-code": code},
        log=last_lines(said),
        rules=RULES,
    )


READER = Reader(
    name="exit-code",
    read=read,
    conditions={"exit-code": "== 0"},
    metrics=("exit-code",),
    accepts=tuple(range(256)),
)
