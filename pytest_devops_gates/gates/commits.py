"""``commits``: the messages of the change's commits, or that which a commit-msg hook hands over."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from typing import Literal

import msgspec

from pytest_devops_gates import git, signatures
from pytest_devops_gates.board import plan_file
from pytest_devops_gates.errors import CannotTell, NotApplicable, UsageError
from pytest_devops_gates.evidence import Evidence, Finding, Receipt, Rule
from pytest_devops_gates.gate import ADVISORY, OFF, Canary, Gate, Options
from pytest_devops_gates.project import Project
from pytest_devops_gates.stage import Stage

TYPES = ("build", "chore", "ci", "docs", "feat", "fix", "perf", "refactor", "revert", "style",
         "test")  # fmt: skip
"""Those of @commitlint/config-conventional."""

KEY = "tool.devops-gates.gates.commits.options"
LOG = ("log", "-z", "--no-merges", "--no-show-signature", "--no-color", "--encoding=UTF-8",
       "--format=%h%x00%B")  # fmt: skip
CONVENTIONAL = re.compile(r"(?P<type>[A-Za-z][\w-]*)(?:\([^()\r\n]+\))?!?: \S.*")
"""Source: Conventional Commits 1.0.0, items 1 to 5. Types are case-insensitive (item 15)."""

WRITTEN_BY_GIT = re.compile(
    r'(Revert|Reapply) ".*"?|Merge (branch|branches|tag|commit|remote-tracking|pull request)\b.*'
)
FIXUP = re.compile(r"(fixup|squash|amend)! ")
SIGN_OFF = re.compile(r"^signed-off-by: \S.* <[^<>\s]+>$", re.MULTILINE | re.IGNORECASE)


PLAN = "devops-gates plan"
ID = 64  # characters that an id may have
_WORD = re.compile(r"\w[\w.-]*")
"""What the ids of a plan are made of, and letters that they are not."""


class CommitOptions(msgspec.Struct, frozen=True, rename="kebab"):
    """``pattern`` and ``reference`` are regular expressions, to be found somewhere in the message;
    ``max_subject`` is in characters. ``work_item`` asks for an id of the plan, ``signature`` for a
    signature. Raises UsageError for values that cannot be meant."""

    convention: Literal["none", "conventional"] = "none"
    types: tuple[str, ...] = TYPES
    pattern: str | None = None
    max_subject: int = 100
    sign_off: bool = False
    reference: str | None = None
    work_item: bool = False
    signature: bool = False

    def __post_init__(self) -> None:
        for key, expression in (("pattern", self.pattern), ("reference", self.reference)):
            try:
                re.compile(expression or "")
            except (re.error, OverflowError, RecursionError) as error:
                said = f"'{expression}' is no regular expression: {error}"
                raise UsageError(f"{KEY}.{key}: {said}") from None
        if self.max_subject < 1:
            raise UsageError(f"{KEY}.max-subject: {self.max_subject} leaves no room for a subject")
        if self.convention == "conventional" and not self.types:
            raise UsageError(f"{KEY}.types: names no type")


def check(project: Project, options: CommitOptions, asked: tuple[str, ...]) -> Evidence:
    """Judge the hook's message, or the message of every commit since the base but for merges."""
    items = planned(project) if options.work_item else frozenset()
    if project.message is not None:
        message = project.message.strip("\n")
        found = judge(message, options, "this commit", items, hook=True)
        return Evidence(tuple(found), examined=1, receipt=Receipt("commits"))
    assert project.base is not None, "see applies"
    top = project.toplevel or project.root
    change = f"{project.base}..{project.commit or 'HEAD'}"
    commits = parse(git.git(top, *LOG, "--end-of-options", change))
    if not commits:
        raise NotApplicable(f"no commit but merges since the base {project.base[:10]}")
    signed = signatures.check(project, change) if options.signature else signatures.Judged()
    found = (f for short, text in commits for f in judge(text, options, short, items))
    return Evidence(
        (*found, *signed.findings),
        examined=len(commits),
        unknown=signed.unknown,
        receipt=Receipt("git", argv=("git", *LOG, change), exit_code=0),
    )


def planned(project: Project) -> frozenset[str]:
    """The ids of all work items of the plan. Raises CannotTell where there is none."""
    try:
        data = plan_file.found(project.root)
        board = plan_file.read(data).board if data is not None else None
    except UsageError as wrong:
        raise CannotTell(str(wrong)) from None
    if board is None or not board.items:
        raise CannotTell(f"{plan_file.FILE} plans nothing that could be named · {PLAN}")
    return frozenset(item.id for item in board.items)


def parse(log: bytes) -> list[tuple[str, str]]:
    """Short hash and message of each commit, from what git prints for LOG."""
    parts = log.decode("utf-8", "backslashreplace").split("\0")
    return [(short, text.strip()) for short, text in zip(parts[::2], parts[1::2], strict=False)]


def judge(
    message: str,
    options: CommitOptions,
    commit: str,
    items: Collection[str] = (),
    *,
    hook: bool = False,
) -> Iterator[Finding]:
    """What is wrong with one message; ``commit`` is what to call its commit, and ``items`` are the
    ids of the plan.

    A fixup is to be melted into another commit: it is wrong in a change that is ready, and nothing
    else is asked of it. Subjects that git writes itself are free of form and length.
    """
    subject = message.partition("\n")[0].strip()
    named = f"{commit}: '{subject if len(subject) <= 80 else subject[:79] + '…'}'"
    if not subject:
        yield Finding("empty-subject", f"{commit} has no message")
        return
    if FIXUP.match(subject):
        if not hook:
            yield Finding("fixup", f"{named} is still to be squashed · git rebase -i --autosquash")
        return
    for rule, wrong in (*_form(message, subject, options), *_content(message, options, items)):
        yield Finding(rule, f"{named} {wrong}")


def _form(message: str, subject: str, options: CommitOptions) -> Iterator[tuple[str, str]]:
    if WRITTEN_BY_GIT.fullmatch(subject):
        return
    if len(subject) > options.max_subject:
        yield "subject-too-long", f"has {len(subject)} characters of {options.max_subject}"
    if options.convention == "conventional" and (wrong := unconventional(message, options.types)):
        yield "not-conventional", wrong


def _content(
    message: str, options: CommitOptions, items: Collection[str]
) -> Iterator[tuple[str, str]]:
    if options.pattern is not None and not re.search(options.pattern, message):
        yield "pattern", f"does not match '{options.pattern}'"
    if options.reference is not None and not re.search(options.reference, message):
        yield "no-reference", f"names no work item ('{options.reference}')"
    if options.work_item and not names_any(message, items):
        yield "no-work-item", f"names no work item of {plan_file.FILE} · {PLAN}"
    if options.sign_off and not SIGN_OFF.search(message.rstrip().rpartition("\n\n")[2]):
        yield "no-sign-off", "has no trailer Signed-off-by · git commit --amend --signoff"


def names_any(message: str, items: Collection[str]) -> bool:
    """Whether a message names one of the ids as a whole word, be it the last of a sentence."""
    for word in _WORD.findall(message):
        bare = word.rstrip("._-")
        if any(word[:end] in items for end in range(len(bare), min(len(word), ID) + 1)):
            return True
    return False


def unconventional(message: str, types: tuple[str, ...]) -> str | None:
    """In which way a message breaks Conventional Commits 1.0.0, or None."""
    subject, _, rest = message.partition("\n")
    found = CONVENTIONAL.fullmatch(subject.strip())
    if not found:
        return "is not of the form 'type(scope): description'"
    if found["type"].lower() not in {name.lower() for name in types}:
        return f"has the type '{found['type']}', which is none of {', '.join(types)}"
    if rest and rest.partition("\n")[0].strip():
        return "has no blank line between its subject and its body"
    return None


def canary(project: Project, options: CommitOptions) -> Canary:
    return Canary("a fixup commit", commit="fixup! devops-gates canary")


def applies(project: Project, options: Options) -> str | None:
    if project.message is not None or project.base:
        return None
    if project.base_error:
        raise CannotTell(project.base_error)
    return "no base to compare with"


REWORD = (
    "`git commit --amend` mends the last message, `git rebase -i` with `reword` an earlier one."
)
RULES = (
    Rule("empty-subject", "A commit has no message.", REWORD),
    Rule(
        "fixup",
        "A fixup, squash or amend commit is not yet melted into the commit that it mends.",
        "`git rebase -i --autosquash` does it.",
        "https://git-scm.com/docs/git-rebase",
    ),
    Rule(
        "subject-too-long",
        "The first line of a message has more characters than the option `max-subject` allows.",
        f"Say it shorter, and the rest below a blank line. {REWORD}",
    ),
    Rule(
        "not-conventional",
        "A message is not of the form of Conventional Commits.",
        f"Begin it with a type and a colon: `fix(parser): …`. {REWORD}",
        "https://www.conventionalcommits.org/en/v1.0.0/",
    ),
    Rule("pattern", "A message does not match the option `pattern`.", REWORD),
    Rule(
        "no-reference",
        "A message names no work item as the option `reference` wants it.",
        f"Name the one that it belongs to. {REWORD}",
    ),
    Rule(
        "no-work-item",
        "A message names no work item that the plan has.",
        f"Name the one that it belongs to, or plan it first: `devops-gates plan add`. {REWORD}",
    ),
    Rule(
        "no-sign-off",
        "A message has no trailer Signed-off-by.",
        "`git commit --amend --signoff` adds it to the last commit, `git rebase --signoff BASE` to"
        " all of the change.",
        "https://git-scm.com/docs/git-commit",
    ),
    *signatures.RULES,
)
COMMITS = Gate(
    name="commits",
    stage=Stage.DEVELOP,
    options=CommitOptions,
    function=check,
    applies=applies,
    level=ADVISORY,
    levels={"commit": OFF, "operate": OFF},
    again="git log --no-merges BASE..HEAD",
    cost=0.3,
    about="The messages of the change's commits have the form that the project asks for.",
    debt=False,
    passes=lambda project, options: signatures.KEYRING,
    canary=canary,
    rules=RULES,
)
