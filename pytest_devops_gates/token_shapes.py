"""The shapes that makers of secrets give them: what a token of each kind looks like. Data.

Written once, for the masking of reports (secret_shapes.py) and for the search in files (scanning).
The patterns are of ASCII alone, so that they may be used on bytes as well. The shapes are those
that the makers document, or that their tokens are seen to have.
"""

from __future__ import annotations

import msgspec

START = r"(?:(?<![A-Za-z0-9_-])|(?<=\\[nrt]))"
"""Where a word begins; an escaped line end may stand before it."""

GITLAB = ("pat", "oas", "dt", "rt", "rtr", "cbt", "ptt", "ft", "imt", "agent", "wt", "soat")


class Shape(msgspec.Struct, frozen=True):
    """``hints`` are texts of which one stands in every token of the shape. ``whole`` says that the
    pattern begins where a word begins; the others look for their place themselves."""

    kind: str
    pattern: str
    hints: tuple[str, ...]
    whole: bool = True


SHAPES = (
    Shape(
        "github-token",
        r"gh[pousr]_[A-Za-z0-9_]{20,}(?:\.[A-Za-z0-9_-]{10,}){0,2}|github_pat_[A-Za-z0-9_]{20,}",
        ("ghp_", "gho_", "ghu_", "ghs_", "ghr_", "github_pat_"),
    ),
    Shape(
        "gitlab-token",
        rf"gl(?:{'|'.join(GITLAB)})-[A-Za-z0-9_.-]{{20,}}",
        tuple(f"gl{kind}-" for kind in GITLAB),
    ),
    Shape("aws-access-key", r"A[KS]IA[A-Z0-9]{16}(?![A-Z0-9])", ("AKIA", "ASIA")),
    Shape(
        "slack-token",
        r"xox[abeoprs]-[A-Za-z0-9-]{10,}|xapp-[0-9]-[A-Za-z0-9-]{10,}",
        ("xox", "xapp-"),
    ),
    Shape("google-api-key", r"AIza[A-Za-z0-9_-]{35}", ("AIza",)),
    Shape(
        "google-oauth",
        r"ya29\.[A-Za-z0-9_-]{20,}|GOCSPX-[A-Za-z0-9_-]{20,}",
        ("ya29.", "GOCSPX-"),
    ),
    Shape(
        "stripe-key",
        r"[sr]k_(?:live|test)_[A-Za-z0-9]{16,}|whsec_[A-Za-z0-9+/]{16,}",
        ("k_live_", "k_test_", "whsec_"),
    ),
    Shape("npm-token", r"npm_[A-Za-z0-9]{30,}", ("npm_",)),
    Shape("pypi-token", r"pypi-AgE[A-Za-z0-9_-]{20,}", ("pypi-AgE",)),
    Shape("anthropic-key", r"sk-ant-[A-Za-z0-9_-]{20,}", ("sk-ant-",)),
    Shape(
        "openai-key",
        r"sk-(?:proj|svcacct|admin)-[A-Za-z0-9_-]{20,}|sk-[A-Za-z0-9]{40,}",
        ("sk-",),
    ),
    Shape("hugging-face-token", r"hf_[A-Za-z0-9]{30,}", ("hf_",)),
    Shape("docker-token", r"dckr_[a-z]{3}_[A-Za-z0-9_-]{20,}", ("dckr_",)),
    Shape("digitalocean-token", r"do[opr]_v1_[a-f0-9]{64}", ("_v1_",)),
    Shape("age-key", r"AGE-SECRET-KEY-1[A-Z0-9]{20,}", ("AGE-SECRET-KEY-1",)),
    Shape("sendgrid-key", r"SG\.[A-Za-z0-9_-]{16,}\.[A-Za-z0-9_-]{16,}", ("SG.",)),
    Shape("jwt", r"eyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}(?:\.[A-Za-z0-9_-]*)?", ("eyJ",)),
    Shape(
        "slack-webhook",
        r"(?<=hooks\.slack\.com/services/)[A-Za-z0-9/]{20,}",
        ("hooks.slack.com/services/",),
        whole=False,
    ),
    Shape(
        "azure-storage-key",
        r"(?<=AccountKey=)[A-Za-z0-9+/]{86}==",
        ("AccountKey=",),
        whole=False,
    ),
)


def one_pattern() -> str:
    """A pattern for all of the shapes."""
    words = "|".join(shape.pattern for shape in SHAPES if shape.whole)
    placed = "|".join(shape.pattern for shape in SHAPES if not shape.whole)
    return rf"{START}(?:{words})|{placed}"


def hints() -> tuple[str, ...]:
    """The texts without which no token is in a text."""
    return tuple(hint for shape in SHAPES for hint in shape.hints)
