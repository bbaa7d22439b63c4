"""How ``devops-gates`` reads its command line, and complains of it: one line, exit status 4."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from typing import Any, NoReturn

from pytest_devops_gates.neutral import neutral
from pytest_devops_gates.verdict import EXIT_USAGE


class Parser(argparse.ArgumentParser):
    """A parser of ours, and those of all its subcommands. The one that read to the end is in
    ``asked`` of what it read."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.set_defaults(asked=self)  # a subcommand's takes the place of its parent's

    def error(self, message: str) -> NoReturn:
        """Where it is wrong, what is, and who tells more; argparse would print the usage before."""
        told = f"{self.prog}: {message.removeprefix('argument ')} · {self.prog} --help"
        self.exit(EXIT_USAGE, f"{neutral(told)}\n")


def up_to(most: int) -> Callable[[str], int]:
    """The type of an option: a whole number from 1 on."""

    def number(text: str) -> int:
        found = int(text) if text.isascii() and text.isdecimal() and len(text) < 19 else 0
        if not 0 < found <= most:
            raise argparse.ArgumentTypeError(f"'{text}' is no whole number from 1 to {most}")
        return found

    return number
