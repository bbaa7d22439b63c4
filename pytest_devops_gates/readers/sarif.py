"""``sarif``: SARIF 2.1.0, which linters and security scanners of all languages write.

Source: https://docs.oasis-open.org/sarif/sarif/v2.1.0/os/sarif-v2.1.0-os.html (section numbers
below); ``security-severity`` is GitHub's:
https://docs.github.com/en/code-security/reference/code-scanning/sarif-support-for-code-scanning
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import unquote

import msgspec

from pytest_devops_gates.errors import CannotTell
from pytest_devops_gates.evidence import Evidence, Finding, Severity
from pytest_devops_gates.evidence import Rule as Known
from pytest_devops_gates.gate import Output, Reader
from pytest_devops_gates.sarif_shape import (
    Artifact,
    Component,
    Location,
    Log,
    Message,
    Region,
    Result,
    Rule,
    Rules,
    Run,
)

VERSION = "2.1.0"
LAST_LINE = 2**31 - 1
TEXT = 4096
"""Characters kept of a message, and allowed in a path: one text may serve 100,000 results."""
SCORES = ((9.0, Severity.CRITICAL), (7.0, Severity.HIGH), (4.0, Severity.MEDIUM))
LEVELS = {
    "error": Severity.HIGH,
    "warning": Severity.MEDIUM,
    "note": Severity.LOW,
    "none": Severity.INFO,
}


def read(output: Output) -> Evidence:
    """Each result that the tool calls a problem, and does not call suppressed, as a finding.

    A run that did not end well is unknown, with what was found beside it. Raises CannotTell for
    what is no SARIF 2.1.0.
    """
    runs = _runs(output)
    findings: list[Finding] = []
    known: dict[str, Known] = {}
    unknown = None
    for run in runs:
        rules = Rules(run.tool)
        found = [result for result in run.results or () if _is_finding(result)]
        findings += (_finding(result, run, rules, known) for result in found)
        unknown = unknown or _trouble(run)
    if output.exit_code and not findings:
        unknown = unknown or f"exited with {output.exit_code} and lists no result that explains it"
    examined = sum(len(run.artifacts or ()) or 1 for run in runs)
    return Evidence.of(findings, examined=examined, unknown=unknown, rules=known.values())


def _runs(output: Output) -> list[Run]:
    try:
        log = output.decode(Log)
        if log.version != VERSION:
            said = "without a version" if log.version is None else f"of version {log.version!r:.40}"
            raise CannotTell(f"wrote SARIF {said}; only {VERSION} is read")
        if not log.runs:
            raise CannotTell("wrote SARIF without a run")
        return msgspec.convert(log.runs, list[Run])
    except msgspec.ValidationError as error:
        raise CannotTell(f"wrote SARIF of another shape: {error}, below $.runs") from None
    except UnicodeError:
        raise CannotTell("wrote JSON with half a character (a lone surrogate) in a key") from None


def _is_finding(result: Result) -> bool:
    """Sections 3.27.9 (kind), 3.27.24 (baselineState) and 3.27.23 (suppressions)."""
    if result.kind not in (None, "fail") or result.baseline_state == "absent":
        return False
    suppressions = result.suppressions
    return not suppressions or any(s.status not in (None, "accepted") for s in suppressions)


def _trouble(run: Run) -> str | None:
    """Why a run tells less than the truth: 3.14.23 (results), 3.20 (invocations)."""
    name = run.tool.driver.name or "the tool"
    for call in run.invocations or ():
        notes = [
            *(call.tool_execution_notifications or ()),
            *(call.tool_configuration_notifications or ()),
        ]
        if errors := [note for note in notes if note.level == "error"]:
            first = errors[0]
            path, _ = _place(first.locations, run)
            said = (first.message and (first.message.text or first.message.id)) or "no message"
            return f"{name} tells of an error: {said}" + (f" ({path})" if path else "")
        if call.execution_successful is False:
            why = call.process_start_failure_message or call.exit_code_description
            return f"{name} says that it did not run to its end: {why or 'no reason given'}"
    if run.results is None:
        return f"{name} lists no results, not even none: its scan did not happen"
    outside = run.external_property_file_references
    if isinstance(outside, Mapping) and outside.get("results"):
        return f"{name} keeps results in other files, which are not read"
    return None


def _finding(result: Result, run: Run, rules: Rules, known: dict[str, Known]) -> Finding:
    """The finding; what is said of its rule is added to what is known, once for each rule."""
    name, rule = rules.of(result)
    if rule and name[:TEXT] not in known:
        known[name[:TEXT]] = _known(name[:TEXT], rule)
    path, region = _place(result.locations, run)
    return Finding(
        rule=name[:TEXT],
        message=_message(result.message or Message(), rule, run.tool.driver) or name[:TEXT],
        severity=_severity(result, rule),
        path=path,
        line=_number(region.start_line),
        column=_number(region.start_column),
        end_line=_number(region.end_line),
        end_column=_number(region.end_column),
    )


def _known(name: str, rule: Rule) -> Known:
    """What a rule says of itself (3.49.7 to 3.49.13), in the many ways in which tools do so."""
    short, full, help_ = map(_said, (rule.short_description, rule.full_description, rule.help))
    says = short or full or help_ or (rule.name if isinstance(rule.name, str) else "")
    more = next((p for text in (help_, full) if (p := _paragraph(text)) and p != says), "")
    uri = rule.help_uri if isinstance(rule.help_uri, str) else ""
    return Known(name, says=says[:TEXT], help=more, uri=uri[:TEXT])


def _said(message: Any) -> str:
    """The text of a multiformatMessageString (3.12); of another shape, nothing: it is no reason
    not to believe the results."""
    told = message if isinstance(message, Mapping) else {}
    texts = [told.get(form) for form in ("text", "markdown")]
    return next((text[:TEXT] for text in texts if text and isinstance(text, str)), "")


def _paragraph(text: str) -> str:
    """The first paragraph of prose: help is often a whole page of Markdown."""
    for block in text.replace("\r\n", "\n").split("\n\n"):
        prose = [line for line in block.splitlines() if not line.startswith("#")]
        told = "\n".join(prose).strip()
        if told and not told.startswith("```"):
            return told
    return ""


def _severity(result: Result, rule: Rule | None) -> Severity:
    score = _score(result.properties)
    if score is None and rule:
        score = _score(rule.properties)
    if score is not None:
        return next((severity for least, severity in SCORES if score >= least), Severity.LOW)
    configuration = rule.default_configuration if rule else None
    return LEVELS[result.level or (configuration and configuration.level) or "warning"]


def _score(properties: Any) -> float | None:
    """``security-severity``, from 0 to 10, as text or as a number."""
    told = properties.get("security-severity") if isinstance(properties, Mapping) else None
    if told in (None, ""):
        return None
    try:
        score = float(told) if isinstance(told, (str, int, float)) else -1.0
    except (ValueError, OverflowError):
        score = -1.0
    if not 0 <= score <= 10 or isinstance(told, bool):
        raise CannotTell(f"gives a security-severity that is none: {str(told)[:40]!r}")
    return score


def _message(message: Message, rule: Rule | None, driver: Component) -> str:
    """A message's text, with its arguments in their places (3.11)."""
    text = message.text
    if text is None and message.id is not None:
        told = ((rule and rule.message_strings) or {}).get(message.id)
        told = told or (driver.global_message_strings or {}).get(message.id)
        text = told.text if told else message.id
    text = (text or message.markdown or "")[:TEXT]
    arguments = message.arguments or []

    def filled(found: re.Match[str]) -> str:
        if not found[1]:
            return found[0][0]  # a doubled brace
        return arguments[int(found[1])][:TEXT] if int(found[1]) < len(arguments) else found[0]

    if arguments:
        text = re.sub(r"\{\{|\}\}|\{(\d{1,4})\}", filled, text, flags=re.ASCII)
    return text[:TEXT]


def _place(locations: list[Location] | None, run: Run) -> tuple[str | None, Region]:
    place = locations[0].physical_location if locations else None
    if place is None:
        return None, Region()
    return _path(place.artifact_location or Artifact(), run), place.region or Region()


def _path(artifact: Artifact, run: Run) -> str | None:
    """Where an artifact lies: relative, or absolute where the run says so (3.4, 3.14.14)."""
    listed = run.artifacts or []
    if artifact.uri is None and 0 <= artifact.index < len(listed):
        artifact = listed[artifact.index].location or Artifact()
    uri, base = artifact.uri, artifact.uri_base_id
    if not uri:
        return None
    bases = run.original_uri_base_ids or {}
    for _ in range(10):  # bases may rest on bases
        if (
            base is None
            or base not in bases
            or len(uri) > TEXT
            or uri.startswith("/")
            or re.match(r"[A-Za-z][\w+.-]+:", uri)
        ):
            break
        below = bases[base].uri
        uri = f"{below[:TEXT].rstrip('/')}/{uri}" if below else uri
        base = bases[base].uri_base_id
    if len(uri) > TEXT:
        raise CannotTell(f"names a file by more than {TEXT} characters")
    return _local(uri)


def _local(uri: str) -> str:
    """The path that a URI names; a URI of another scheme or host as it is."""
    found = re.match(r"file:(?://(?:localhost)?)?(/(?!/).*)", uri, re.IGNORECASE | re.DOTALL)
    if not found and "://" in uri:
        return uri
    path = unquote(found[1] if found else uri, errors="surrogateescape")
    return path[1:] if found and re.match(r"/[A-Za-z]:", path) else path


def _number(number: int | None) -> int | None:
    """A line or column as a finding has it: tools write 0 or -1 for a whole file."""
    return number if number is not None and 0 < number <= LAST_LINE else None


READER = Reader(
    name="sarif",
    read=read,
    conditions={"findings.critical": "== 0", "findings.high": "== 0"},
)
