"""The settings of the tools that look for weaknesses, and in which direction each loosens.

Sources: the pages "Configuration" of bandit and zizmor, "Usage and Configuration" of deptry, and
``betterleaks filesystem --help`` (2.0), which names all files that it reads.
"""

from __future__ import annotations

from pytest_devops_gates.loosening.row import (
    ANY,
    FALLS,
    FENCE,
    FOLDERS,
    FREE,
    GROWS,
    LISTED,
    NARROWS,
    RISES,
    each,
    ranked,
)

BANDIT = (
    *each(GROWS, "skips *.skips", covers=LISTED),
    *each(GROWS, "exclude_dirs exclude", covers=FOLDERS),
    *each(NARROWS, "tests", covers=LISTED),
    *each(FENCE, "targets include", covers=FOLDERS),
    *each(RISES, "level confidence", 1),  # the least that is told of
    *each(ANY, "profile profiles.** configfile recursive"),
    *each(FREE, "format msg-template output number aggregate"),
)

DEPTRY = (
    *each(GROWS, "ignore per_rule_ignores.* exclude known_first_party", covers=LISTED),
    # A module that is said to belong to a dependency is declared by it.
    *each(GROWS, "package_module_name_map.*", covers=LISTED),
    *each(GROWS, "ignore_notebooks experimental_namespace_package"),
    # A dependency for development should not be imported, and need not be.
    *each(ANY, "requirements_files* *_dev_groups *dev_dependency_groups"),
    *each(FREE, "verbose no_ansi json_output github_* enforce_posix_paths"),
)

ZIZMOR = (
    *each(GROWS, "rules.*.disable"),
    *each(RISES, "rules.*.ignore.*", 0),  # how many places of a file; see shape.py
    *each(FALLS, "rules.dependabot-cooldown.config.days", 7),
    *ranked("rules.unpinned-uses.config.policies.*", "any ref-pin hash-pin", "hash-pin"),
    *each(ANY, "rules.*.config.**"),
)

# No other file of betterleaks is read without being asked for, nor one of gitleaks or
# detect-secrets.
BETTERLEAKS = each(GROWS, "ignored", covers=LISTED)
