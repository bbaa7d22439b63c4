"""What the user typed, told apart from what the project's own configuration adds."""

from __future__ import annotations

import os
import shlex
from typing import Any

import pytest

NARROWING = frozenset(
    "keyword markexpr lf deselect ignore ignore_glob stepwise stepwise_skip collectonly "
    "setuponly setupplan pyargs".split()
)
"""Options that leave tests out, or unrun, on purpose."""

COLLECTORS_OFF = frozenset("no:" + name for name in ("python", "unittest", "doctest", "main"))
"""Values of ``-p`` after which some kind of test is not collected."""

SELECTING_INI = ("python_", "testpaths", "norecursedirs", "addopts", "collect_", "doctest_")
"""Settings that ``-o`` may change so that tests are left out."""

HARMLESS = frozenset(
    "file_or_dir devops_gates devops_gates_profile devops_gates_stage devops_gates_base "
    "devops_gates_policy devops_gates_report verbose quiet no_header no_summary reportchars "
    "disable_warnings showlocals tbstyle showcapture xfail_tb fold_skipped fulltrace color "
    "code_highlight capture usepdb usepdb_cls trace durations durations_min maxfail "
    "failedfirst newfirst cacheclear xmlpath junitprefix pastebin runxfail strict_config "
    "strict_markers strict continue_on_collection_errors rootdir inifilename override_ini "
    "confcutdir noconftest keepduplicates collect_in_virtualenv importmode basetemp plugins "
    "traceconfig debug log_level log_format log_date_format log_cli_level log_cli_format "
    "log_cli_date_format log_file log_file_mode log_file_level log_file_format "
    "log_file_date_format log_auto_indent logger_disable assertmode setupshow pythonwarnings "
    "doctestmodules doctestreport doctestglob doctest_ignore_import_errors "
    "doctest_continue_on_failure numprocesses maxprocesses maxworkerrestart maxschedchunk "
    "distload dist tx px rsyncdir rsyncignore testrunuid cov_source cov_report cov_config "
    "cov_branch cov_append no_cov no_cov_on_fail cov_fail_under cov_context cov_precision "
    "reruns reruns_delay only_rerun rerun_except fail_on_flaky reruns_mode max_suite_reruns "
    "rerun_show_tracebacks asyncio_debug hypothesis_profile hypothesis_verbosity "
    "hypothesis_show_statistics hypothesis_seed hypothesis_explain force_short_summary "
    "max_warnings disable_plugin_autoload loadscopereorder last_failed_no_failures "
    "stepwise_reset randomly_seed randomly_reset_seed randomly_reorganize asyncio_mode".split()
)
"""Options that leave no test out, of pytest and of the plugins that most people have."""


def typed_options(config: pytest.Config, parser: pytest.Parser) -> dict[str, Any]:
    """What was typed on the command line or into PYTEST_ADDOPTS.

    ``narrowing`` names the options that leave tests out; ``others`` those of plugins that may.
    ``paths`` are the files and folders that were named.
    """
    args = shlex.split(os.environ.get("PYTEST_ADDOPTS", ""))
    args += [str(arg) for arg in config.invocation_params.args]
    args = [arg for arg in args if arg != "--"]  # pytest obeys the options behind it all the same
    typed, bare = vars(parser.parse_known_args(args)), vars(parser.parse_known_args([]))
    changed = {name for name, value in typed.items() if value != bare.get(name)}
    switched = [
        *(f"-p {name}" for name in typed.get("plugins") or () if name in COLLECTORS_OFF),
        *(f"-o {ini}" for ini in typed.get("override_ini") or () if ini.startswith(SELECTING_INI)),
    ]
    return {
        "narrowing": sorted(changed & NARROWING) + switched,
        "paths": [str(path) for path in typed.get("file_or_dir") or ()],
        "others": sorted(changed - NARROWING - HARMLESS),
    }
