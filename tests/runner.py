"""GitHub's runner, as far as the tests need it: what it makes of a step's log and of its files.

Written from what actions/runner does (FileCommandManager.cs, ActionCommandManager.cs,
ActionCommand.cs, ExecutionContext.cs), not from what we write.
"""

from __future__ import annotations

from dataclasses import dataclass, field

COMMANDS = ("error", "warning", "notice", "add-mask", "set-output", "set-env", "group", "debug")
SUMMARY_LIMIT = 1024 * 1024


class Unreadable(Exception):
    """The runner gives up on the file, and fails the step."""


def outputs(data: bytes) -> dict[str, str]:
    """The outputs of a step; their names do not tell upper from lower case."""
    found: dict[str, str] = {}
    lines = Lines(decoded(data))
    while (line := lines.next()) is not None:
        if not line:
            continue
        equals, heredoc = line.find("="), line.find("<<")
        if equals >= 0 and (heredoc < 0 or equals < heredoc):
            name, value = line.split("=", 1)
        elif heredoc >= 0 and (equals < 0 or heredoc < equals):
            name, delimiter = line.split("<<", 1)
            if not name or not delimiter:
                raise Unreadable(f"invalid format {line!r}")
            value = lines.until(delimiter)
        else:
            raise Unreadable(f"invalid format {line!r}")
        if not name:
            raise Unreadable("a name is empty")
        found[name.lower()] = value
    return found


def decoded(data: bytes) -> str:
    for mark, encoding in (
        (b"\xef\xbb\xbf", "utf-8"),
        (b"\xff\xfe\0\0", "utf-32-le"),
        (b"\0\0\xfe\xff", "utf-32-be"),
        (b"\xff\xfe", "utf-16-le"),
        (b"\xfe\xff", "utf-16-be"),
    ):
        if data.startswith(mark):
            return data[len(mark) :].decode(encoding, "replace")
    return data.decode("utf-8", "replace")


class Lines:
    def __init__(self, text: str) -> None:
        self.text, self.at, self.ended = text, 0, True

    def next(self) -> str | None:
        if self.at >= len(self.text):
            return None
        end = self.text.find("\n", self.at)
        self.ended = end >= 0
        line = self.text[self.at : end] if self.ended else self.text[self.at :]
        self.at = end + 1 if self.ended else len(self.text)
        return line

    def until(self, delimiter: str) -> str:
        lines = []
        while (line := self.next()) != delimiter:
            if line is None or not self.ended:
                raise Unreadable(f"no line {delimiter!r}")
            lines.append(line)
        return "\n".join(lines)


@dataclass(frozen=True)
class Command:
    name: str
    message: str
    properties: dict[str, str] = field(default_factory=dict)


def obeyed(log: str) -> list[Command]:
    """The commands in a step's log that the runner obeys."""
    found: list[Command] = []
    token: str | None = None
    known = {*COMMANDS, "stop-commands"}
    for line in log.split("\n"):
        command = parse(line.rstrip("\r"), known | ({token} if token else set()))
        if command is None:
            continue
        if token:
            token = None if command.name == token else token
        elif command.name == "stop-commands":
            token = command.message.lower()
            assert token
            assert token not in known
        else:
            found.append(command)
    assert token is None, "commands were stopped, and never resumed"
    return found


def parse(line: str, known: set[str]) -> Command | None:
    """A command at the start of a line, or else one of the older kind anywhere in it."""
    stripped = line.lstrip()
    end = stripped.find("::", 2)
    if stripped.startswith("::") and end >= 0:
        name, _, properties = stripped[2:end].partition(" ")
        if name.lower() in known:
            pairs = (part.partition("=") for part in properties.strip().split(",") if part)
            made = {key: unescaped(value, ":,") for key, _, value in pairs if value}
            return Command(name.lower(), unescaped(stripped[end + 2 :], ""), made)
    start, end = line.find("##["), line.find("]", line.find("##["))
    if start >= 0 and end >= 0:
        name = line[start + 3 : end].partition(" ")[0]
        if name.lower() in known:
            return Command(name.lower(), line[end + 1 :])
    return None


def unescaped(text: str, more: str) -> str:
    for char in "\r\n" + more + "%":
        text = text.replace(f"%{ord(char):02X}", char)
    return text


def length(text: str) -> int:
    """As .NET counts."""
    return len(text.encode("utf-16-le", "surrogatepass")) // 2
