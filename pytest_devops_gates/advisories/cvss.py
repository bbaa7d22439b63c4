"""How severe a CVSS vector is. Pure.

Sources: FIRST's specifications of CVSS 3.1 (section 7) and 4.0 (section 8). Of 4.0 the score of the
worst vector of its macrovector is taken: the exact score is never above it.
"""

from __future__ import annotations

from collections.abc import Mapping

from pytest_devops_gates.evidence import Severity

_BASE_3 = {
    "AV": {"N": 0.85, "A": 0.62, "L": 0.55, "P": 0.2},
    "AC": {"L": 0.77, "H": 0.44},
    "UI": {"N": 0.85, "R": 0.62},
    "S": {"U": 0.0, "C": 1.0},
    "C": {"H": 0.56, "L": 0.22, "N": 0.0},
    "I": {"H": 0.56, "L": 0.22, "N": 0.0},
    "A": {"H": 0.56, "L": 0.22, "N": 0.0},
}
_PRIVILEGES = {"U": {"N": 0.85, "L": 0.62, "H": 0.27}, "C": {"N": 0.85, "L": 0.68, "H": 0.5}}

_WORST_4 = {"00": "CCCHHM", "01": "CCCHHM", "10": "CHHHMM", "11": "CHHMML", "20": "HHHMML",
            "21": "HMMMLL"}  # fmt: skip
"""The rating of the worst vector, by EQ1 and EQ2, then in the order of EQ3 and EQ4 (1 before 2)."""

_BASE_4 = ("AV", "AC", "AT", "PR", "UI", "VC", "VI", "VA", "SC", "SI", "SA")
_LETTERS = {"C": Severity.CRITICAL, "H": Severity.HIGH, "M": Severity.MEDIUM, "L": Severity.LOW}


def severity(vector: str) -> Severity | None:
    """The qualitative rating of a vector's base score; None for one of another kind."""
    version, *parts = vector.strip().split("/")
    metrics = dict(part.split(":", 1) for part in parts if ":" in part)
    try:
        if version in ("CVSS:3.0", "CVSS:3.1"):
            return rating(score_3(metrics))
        return _severity_4(metrics) if version == "CVSS:4.0" else None
    except KeyError:
        return None


def rating(score: float) -> Severity:
    """The qualitative rating of a score from 0 to 10 (both specifications have the same)."""
    for least, word in ((9.0, "C"), (7.0, "H"), (4.0, "M"), (0.1, "L")):
        if score >= least:
            return _LETTERS[word]
    return Severity.INFO


def score_3(metrics: Mapping[str, str]) -> float:
    """The base score of CVSS 3.1. Raises KeyError for a metric that is missing or unknown."""
    value = {name: known[metrics[name]] for name, known in _BASE_3.items()}
    privileges = _PRIVILEGES[metrics["S"]][metrics["PR"]]
    base = 1 - (1 - value["C"]) * (1 - value["I"]) * (1 - value["A"])
    changed = bool(value["S"])
    impact = 6.42 * base
    if changed:
        impact = 7.52 * (base - 0.029) - 3.25 * (base - 0.02) ** 15
    if impact <= 0:
        return 0.0
    ease = 8.22 * value["AV"] * value["AC"] * privileges * value["UI"]
    return _round_up(min((1.08 if changed else 1.0) * (impact + ease), 10.0))


def _round_up(score: float) -> float:
    """To one decimal, free of the errors of binary fractions (appendix A of CVSS 3.1)."""
    whole = round(score * 100_000)
    return whole / 100_000 if whole % 10_000 == 0 else (whole // 10_000 + 1) / 10.0


def _severity_4(metrics: Mapping[str, str]) -> Severity:
    m = {name: metrics[name] for name in _BASE_4}
    if all(m[name] == "N" for name in _BASE_4[5:]):
        return Severity.INFO
    nearby = [m["AV"] == "N", m["PR"] == "N", m["UI"] == "N"]
    eq1 = 0 if all(nearby) else 1 if any(nearby) and m["AV"] != "P" else 2
    eq2 = 0 if m["AC"] == "L" and m["AT"] == "N" else 1
    high = [m[name] == "H" for name in ("VC", "VI", "VA")]
    eq3 = 0 if high[0] and high[1] else 1 if any(high) else 2
    eq4 = 0 if "H" in (m["SC"], m["SI"], m["SA"]) else 1
    return _LETTERS[_WORST_4[f"{eq1}{eq2}"][2 * eq3 + eq4]]
