"""What is read of a SARIF 2.1.0 log: its objects, with the names that the format gives them.

Source: https://docs.oasis-open.org/sarif/sarif/v2.1.0/os/schemas/sarif-schema-2.1.0.json
"""

from __future__ import annotations

from typing import Any, Literal

import msgspec

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
