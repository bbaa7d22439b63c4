"""The eight phases of the DevOps loop."""

from __future__ import annotations

from enum import Enum


class Stage(str, Enum):
    """A phase of the loop. The eight are fixed; hooks add gates to them."""

    PLAN = "plan"
    DEVELOP = "develop"
    BUILD = "build"
    TEST = "test"
    SECURITY = "security"
    DEPLOY = "deploy"
    OPERATE = "operate"
    FEEDBACK = "feedback"
