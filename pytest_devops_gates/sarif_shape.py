"""What is read of a SARIF 2.1.0 log: its objects, with the names that the format gives them.

Source: https://docs.oasis-open.org/sarif/sarif/v2.1.0/os/sarif-v2.1.0-os.html (section numbers
below).
"""

from __future__ import annotations

from typing import Any, Literal

import msgspec

from pytest_devops_gates.errors import CannotTell

Level = Literal["error", "warning", "note", "none"]
Kind = Literal["pass", "open", "informational", "notApplicable", "review", "fail"]


class Shape(msgspec.Struct, frozen=True, rename="camel"):
    """One object of the format: what is read of it. Some tools write null for what they leave out.

    An index of -1 is none (3.7.4).
    """


class Message(Shape, frozen=True):
    text: str | None = None
    id: str | None = None
    markdown: str | None = None
    arguments: list[str] | None = None


class Configuration(Shape, frozen=True):
    level: Level | None = None


class Rule(Shape, frozen=True):
    id: str
    default_configuration: Configuration | None = None
    message_strings: dict[str, Message] | None = None
    properties: Any = None
    name: Any = None
    short_description: Any = None
    full_description: Any = None
    help: Any = None
    help_uri: Any = None


class Component(Shape, frozen=True):
    name: str = ""
    rules: list[Rule] | None = None
    global_message_strings: dict[str, Message] | None = None


class Tool(Shape, frozen=True):
    driver: Component
    extensions: list[Component] | None = None


class ComponentReference(Shape, frozen=True):
    index: int = -1


class RuleReference(Shape, frozen=True):
    id: str | None = None
    index: int = -1
    tool_component: ComponentReference | None = None


class Artifact(Shape, frozen=True):
    uri: str | None = None
    uri_base_id: str | None = None
    index: int = -1


class Listed(Shape, frozen=True):
    location: Artifact | None = None


class Region(Shape, frozen=True):
    start_line: int | None = None
    start_column: int | None = None
    end_line: int | None = None
    end_column: int | None = None


class Physical(Shape, frozen=True):
    artifact_location: Artifact | None = None
    region: Region | None = None


class Location(Shape, frozen=True):
    physical_location: Physical | None = None


class Suppression(Shape, frozen=True):
    status: Literal["accepted", "underReview", "rejected"] | None = None


class Result(Shape, frozen=True):
    message: Message | None = None
    rule_id: str | None = None
    rule_index: int = -1
    rule: RuleReference | None = None
    kind: Literal["pass", "open", "informational", "notApplicable", "review", "fail"] | None = None
    level: Level | None = None
    baseline_state: Literal["new", "unchanged", "updated", "absent"] | None = None
    suppressions: list[Suppression] | None = None
    locations: list[Location] | None = None
    properties: Any = None


class Notification(Shape, frozen=True):
    message: Message | None = None
    level: Level | None = None
    locations: list[Location] | None = None


class Invocation(Shape, frozen=True):
    execution_successful: bool | None = None
    exit_code_description: str | None = None
    process_start_failure_message: str | None = None
    tool_execution_notifications: list[Notification] | None = None
    tool_configuration_notifications: list[Notification] | None = None


class Run(Shape, frozen=True):
    tool: Tool
    results: list[Result] | None = None
    invocations: list[Invocation] | None = None
    artifacts: list[Listed] | None = None
    original_uri_base_ids: dict[str, Artifact] | None = None
    external_property_file_references: Any = None


class Log(Shape, frozen=True):
    version: Any = None
    runs: list[Any] | None = None


class Rules:
    """The rules of one run, of its driver and its extensions (3.18); ids have levels (3.5.4)."""

    def __init__(self, tool: Tool) -> None:
        self.driver = tool.driver
        self.components = [c.rules or [] for c in (tool.driver, *(tool.extensions or ()))]
        self.by_id: dict[str, Rule] = {}
        for rule in (rule for rules in self.components for rule in rules):
            self.by_id.setdefault(rule.id, rule)

    def of(self, result: Result) -> tuple[str, Rule | None]:
        """A result's rule: its id, and what is said of it, if anything (3.27.5 to 3.27.7).

        Raises CannotTell for a result whose only reference to a rule leads nowhere.
        """
        reference = result.rule or RuleReference()
        index = reference.index if reference.index >= 0 else result.rule_index
        listed = self._listed(index, reference.tool_component)
        name = result.rule_id or reference.id
        if not name:
            if index >= 0 and listed is None:
                raise CannotTell(f"lists a result of the rule at {index}, where none is")
            return (listed.id, listed) if listed else (self.driver.name or "sarif", None)
        if listed and (name == listed.id or name.startswith(listed.id + "/")):
            return name, listed
        return name, self.by_id.get(name) or self.by_id.get(name.rpartition("/")[0])

    def _listed(self, index: int, component: ComponentReference | None) -> Rule | None:
        place = 0 if component is None else component.index + 1
        if component is not None and not 0 < place < len(self.components):
            return None  # it is named otherwise
        rules = self.components[place]
        return rules[index] if 0 <= index < len(rules) else None
