"""What a change loosens: its policy and its tools' settings beside those of the base. Pure."""

from pytest_devops_gates.loosening.counts import entries, suppressions
from pytest_devops_gates.loosening.held import quarantine
from pytest_devops_gates.loosening.requirements import requirements
from pytest_devops_gates.loosening.say import RULES
from pytest_devops_gates.loosening.settings import policy
from pytest_devops_gates.loosening.sources import SETTINGS_FILES
from pytest_devops_gates.loosening.tables import tables
from pytest_devops_gates.loosening.tools import tool_settings

__all__ = [
    "RULES",
    "SETTINGS_FILES",
    "entries",
    "policy",
    "quarantine",
    "requirements",
    "suppressions",
    "tables",
    "tool_settings",
]
