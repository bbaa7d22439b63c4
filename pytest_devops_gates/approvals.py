"""``devops-gates/approvals.toml``: who consented to what. Pure."""

from __future__ import annotations

from datetime import date
from typing import Any

import msgspec

from pytest_devops_gates.config import load_toml
from pytest_devops_gates.decode import decode
from pytest_devops_gates.errors import UsageError
from pytest_devops_gates.verdict import Approval

FILE = "devops-gates/approvals.toml"


class _Table(msgspec.Struct, frozen=True):
    who: str
    when: date
    policy: str | None = None
    expires: date | None = None


class _File(msgspec.Struct, frozen=True):
    approval: list[_Table] = []


def read(data: bytes, name: str) -> tuple[Approval, ...]:
    """The approvals of a file; ``name`` is what it is called in errors. Raises UsageError."""
    table: dict[str, Any] = load_toml(data, name)
    file: _File = decode(_File, table, name)
    for n, one in enumerate(file.approval):
        if not one.who.strip():
            raise UsageError(f"{name}.approval[{n}].who: nobody is named")
    return tuple(
        Approval(
            who=one.who,
            when=one.when.isoformat(),
            expires=one.expires.isoformat() if one.expires else None,
            policy=one.policy,
        )
        for one in file.approval
    )


def of_policy(approvals: tuple[Approval, ...], digest: str, today: date) -> Approval | None:
    """The consent to a policy, by its digest, that holds today."""
    day = today.isoformat()
    return next(
        (
            one
            for one in approvals
            if one.policy == digest
            and one.when <= day
            and (one.expires is None or day <= one.expires)
        ),
        None,
    )
