"""The one room that starts processes: groups of their own, a clean environment, bounded output."""

from __future__ import annotations

import contextlib
import importlib.util
import os
import re
import shutil
import signal
import subprocess
import sys
import sysconfig
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import IO

from pytest_devops_gates.errors import CannotTell
from pytest_devops_gates.reaper import Reaper

OUTPUT_CAP = 64 * 2**20
"""Bytes that a tool may print on each stream before it is ended."""

KEPT = frozenset(
    "PATH HOME USER LOGNAME SHELL LANG LANGUAGE TZ TMPDIR TEMP TMP TERM CI NO_COLOR "
    "SOURCE_DATE_EPOCH SYSTEMROOT SYSTEMDRIVE WINDIR COMSPEC PATHEXT APPDATA LOCALAPPDATA "
    "USERPROFILE PROGRAMDATA VIRTUAL_ENV CONDA_PREFIX PYTHONDONTWRITEBYTECODE "
    "PYTHONPYCACHEPREFIX PYTHONUTF8 PYTHONUSERBASE LD_LIBRARY_PATH DYLD_LIBRARY_PATH".split()
)
KEPT_PREFIXES = ("LC_", "XDG_")
BUILD = frozenset(
    "CC CXX CFLAGS CXXFLAGS CPPFLAGS LDFLAGS ARCHFLAGS MACOSX_DEPLOYMENT_TARGET SSL_CERT_FILE "
    "SSL_CERT_DIR REQUESTS_CA_BUNDLE CURL_CA_BUNDLE HTTP_PROXY HTTPS_PROXY NO_PROXY ALL_PROXY "
    "http_proxy https_proxy no_proxy all_proxy CARGO_HOME RUSTUP_HOME".split()
)
BUILD_PREFIXES = ("PIP_", "UV_", "SETUPTOOLS_SCM_PRETEND_", "HATCH_", "PKG_CONFIG")


SECRET = re.compile(
    r"TOKEN|SECRET|PASSW|PASSPHRASE|CREDENTIAL|AUTH|API_?KEY|PRIVATE_KEY|_PUBLISH_|WEBHOOK|COOKIE|HISTORY_URL"
    r"|_(?:PASS|PWD|KEY|DSN|JWT|PAT)\Z",
    re.IGNORECASE,
)
"""Names of environment variables whose values are nobody else's business."""


def git_settings() -> dict[str, str]:
    """The GIT_CONFIG_* of the environment (safe.directory in CI, say), for git alone."""
    return {k: v for k, v in os.environ.items() if k.startswith("GIT_CONFIG")}


def environment(
    extra: Mapping[str, str] | None = None, *, build: bool = False, trusted: bool = False
) -> dict[str, str]:
    """The environment that tools get: what they need to run, and none of the user's secrets.

    ``build`` adds what compilers and package installers read (indexes, proxies, certificates), and
    leaves it to the build backend what is on ``sys.path``. ``trusted`` is for the project's own
    commands: all but what is named like a secret, or would make their Python measure itself.
    """
    if trusted:
        # git hooks are told of the checkout by GIT_*, which is not always what is judged
        left_out = ("COVERAGE_", "PYTEST_DEVOPS_GATES_", "GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_",
                    "GIT_PREFIX")  # fmt: skip
        return {
            **{
                k: v
                for k, v in os.environ.items()
                if not SECRET.search(k) and not k.startswith(left_out)
            },
            **(extra or {}),
        }
    names = KEPT | BUILD if build else KEPT
    prefixes = KEPT_PREFIXES + BUILD_PREFIXES if build else KEPT_PREFIXES
    kept = {k: v for k, v in os.environ.items() if k in names or k.startswith(prefixes)}
    kept = {k: v for k, v in kept.items() if not SECRET.search(k)}
    safe_path = {} if build else {"PYTHONSAFEPATH": "1"}
    return {**kept, **safe_path, "PYTHONIOENCODING": "utf-8", **(extra or {})}


def python_module(module: str, *args: str) -> list[str]:
    """The command that runs a module of this interpreter's own environment, never the checkout's.

    Raises CannotTell with the line that installs it when it is missing.
    """
    if importlib.util.find_spec(module) is None:
        raise CannotTell(f"{module} is not installed · python -m pip install {module}")
    if sys.version_info >= (3, 11):
        return [sys.executable, "-P", "-m", module, *args]
    bootstrap = (
        "import sys; del sys.path[0]; import runpy;"
        f" runpy.run_module({module!r}, run_name='__main__', alter_sys=True)"
    )
    return [sys.executable, "-c", bootstrap, *args]


def find_tool(name: str, checkout: Path, *, trusted: bool = False) -> str:
    """The absolute path of a command: the interpreter's environment first, never the checkout.

    A ``trusted`` command may name a path below the checkout, though.
    Raises CannotTell when it is nowhere to be found.
    """
    if os.path.isabs(name):
        return name
    if os.path.dirname(name):
        if trusted:
            return str(checkout / name)
        raise CannotTell(f"{name}: a relative path would run code from the checkout")
    scripts = Path(sysconfig.get_path("scripts"))
    outside = [
        folder
        for folder in os.environ.get("PATH", os.defpath).split(os.pathsep)
        if os.path.isabs(folder) and not _inside(Path(folder), checkout)
    ]
    found = shutil.which(name, path=os.pathsep.join([str(scripts), *outside]))
    if found is None:
        raise CannotTell(f"{name} is not installed")
    return found


def find_optional(name: str, checkout: Path) -> str | None:
    """As find_tool, for a tool that merely makes things faster: None when it is not there."""
    with contextlib.suppress(CannotTell):
        return find_tool(name, checkout)
    return None


def _inside(path: Path, folder: Path) -> bool:
    with contextlib.suppress(OSError):
        path, folder = path.resolve(), folder.resolve()
    return path == folder or folder in path.parents


class Process:
    """A tool at work, its output spooled to two files of ``log_dir``.

    With a reaper it leads a session of its own, which ends as a whole. Without one (inside a worker
    process) it stays in the group of that worker, which the supervisor ends as a whole.
    """

    def __init__(
        self,
        argv: Sequence[str],
        *,
        cwd: Path,
        env: Mapping[str, str],
        log_dir: Path,
        name: str,
        timeout: float,
        reaper: Reaper | None,
    ) -> None:
        self.argv = tuple(argv)
        self.stdout_path = log_dir / f"{name}.stdout"
        self.stderr_path = log_dir / f"{name}.stderr"
        self.trouble: str | None = None
        self.timeout = timeout
        self._reaper = reaper
        self.started = time.monotonic()
        self.ended: float | None = None
        log_dir.mkdir(parents=True, exist_ok=True)
        with self.stdout_path.open("wb") as out, self.stderr_path.open("wb") as err:
            self._popen = _start(self.argv, cwd, env, out, err, leads=reaper is not None)
        if reaper:
            reaper.watch_group(self._popen.pid)

    @property
    def returncode(self) -> int | None:
        return self._popen.returncode

    @property
    def seconds(self) -> float:
        return (self.ended or time.monotonic()) - self.started

    def poll(self) -> bool:
        """Whether it has ended; ends it when its time is up or its output over the cap."""
        if self.ended is not None:
            return True
        if self._popen.poll() is None:
            if self.seconds > self.timeout:
                self.kill(f"hung: no end after {self.timeout:g} seconds")
            elif self._largest() > OUTPUT_CAP:
                self.kill(f"printed more than {OUTPUT_CAP >> 20} MiB")
            else:
                return False
        if self.ended is None:
            self._finish()
        return True

    def kill(self, trouble: str) -> None:
        """End the whole process group at once, for the reason ``trouble``."""
        if self.ended is None:
            self.trouble = self.trouble or trouble
            self._finish()

    def _finish(self) -> None:
        kill = getattr(os, "killpg", os.kill) if self._reaper else os.kill
        with contextlib.suppress(OSError):
            kill(self._popen.pid, getattr(signal, "SIGKILL", signal.SIGTERM))
        self._popen.wait()
        self.ended = time.monotonic()
        if self._reaper:
            self._reaper.forget_group(self._popen.pid)

    def _largest(self) -> int:
        return max(self.stdout_path.stat().st_size, self.stderr_path.stat().st_size)

    def stdout(self) -> bytes:
        return read_capped(self.stdout_path)

    def stderr(self) -> bytes:
        return read_capped(self.stderr_path)

    def failure(self, accepts: Sequence[int]) -> str | None:
        """Why its output must not be read: its trouble, a signal, or an exit code not accepted."""
        if self.trouble:
            return self.trouble
        code = self.returncode
        if code is not None and code < 0:
            return f"was killed by {signal_name(-code)}"
        if code not in accepts:
            return f"exited with {code}: {last_line(self.stderr() or self.stdout())}"
        if self._largest() > OUTPUT_CAP:
            return f"printed more than {OUTPUT_CAP >> 20} MiB"
        return None


def tool_version(program: str) -> str | None:
    """The number that ``PROGRAM --version`` prints, or None."""
    try:
        said = subprocess.run(
            [program, "--version"], capture_output=True, text=True, timeout=10, check=False
        ).stdout
    except (OSError, subprocess.TimeoutExpired):
        return None
    found = re.search(r"\d+(\.\d+)+\S*", said)
    return found[0] if found else None


def run(
    argv: Sequence[str],
    *,
    cwd: Path,
    env: Mapping[str, str],
    log_dir: Path,
    name: str,
    timeout: float,
) -> Process:
    """Start a tool and wait for its end. For gate functions, inside their worker process."""
    process = Process(
        argv, cwd=cwd, env=env, log_dir=log_dir, name=name, timeout=timeout, reaper=None
    )
    while not process.poll():
        time.sleep(0.01)
    return process


def _start(
    argv: Sequence[str],
    cwd: Path,
    env: Mapping[str, str],
    out: IO[bytes],
    err: IO[bytes],
    *,
    leads: bool,
) -> subprocess.Popen[bytes]:
    try:
        return subprocess.Popen(
            argv,
            cwd=cwd,
            env=env,
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=err,
            start_new_session=leads,
        )
    except (OSError, ValueError) as error:
        raise CannotTell(f"{os.path.basename(argv[0])} cannot be started: {error}") from None


def read_capped(path: Path) -> bytes:
    with path.open("rb") as stream:
        return stream.read(OUTPUT_CAP + 1)


def signal_name(number: int) -> str:
    with contextlib.suppress(ValueError):
        return signal.Signals(number).name
    return f"signal {number}"


def last_line(output: bytes) -> str:
    """The last line that says anything, cut to 200 characters."""
    lines: Iterator[str] = reversed(output[-4000:].decode("utf-8", "replace").splitlines())
    return next((line.strip()[:200] for line in lines if line.strip()), "it printed nothing")


def last_lines(output: bytes, count: int = 20) -> str:
    """The last lines that say anything, each cut to 200 characters."""
    lines = output[-20_000:].decode("utf-8", "replace").splitlines()
    return "\n".join([line.rstrip()[:200] for line in lines if line.strip()][-count:])
