"""Advisories on this machine: folders, archives, traps; and how they are fetched."""

from __future__ import annotations

import io
import json
import os
import threading
import zipfile
from collections.abc import Iterator
from datetime import datetime, timedelta, timezone
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from pytest_devops_gates.advisories import archive, example, refresh, store
from pytest_devops_gates.errors import CannotTell
from pytest_devops_gates.testing import write
from tests.unit.samples import DATA

NOW = datetime(2026, 1, 31, tzinfo=timezone.utc)
NAMES = {"jinja2", "urllib3"}
REAL = {path.name: path.read_bytes() for path in sorted((DATA / "osv").glob("*.json"))}


def record(name: str = "jinja2", **changed: object) -> bytes:
    affected = [{"package": {"ecosystem": "PyPI", "name": name}, "versions": ["1"]}]
    whole = {"id": "A", "modified": "2026-01-30T00:00:00Z", "affected": affected, **changed}
    return json.dumps(whole).encode()


def zipped(members: dict[str, bytes]) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as file:
        for name, data in members.items():
            file.writestr(name, data)
    return stream.getvalue()


def load(path: Path, names: set[str] | None = NAMES) -> store.Advisories:
    return store.load(path, names, path.parent / "cache", NOW)


@pytest.mark.parametrize("kind", ["folder", "archive", "folder with an archive", "nested"])
def test_records_are_found_wherever_they_lie(tmp_path: Path, kind: str) -> None:
    place = tmp_path / "osv"
    if kind == "folder":
        write(place, dict(REAL))
    elif kind == "nested":
        write(place, {f"a/{at}/{name}": data for at, (name, data) in enumerate(REAL.items())})
    elif kind == "archive":
        place = write(tmp_path, {"all.zip": zipped(REAL)}) / "all.zip"
    else:
        write(place, {"PyPI.zip": zipped(REAL)})
    for _ in range(2):  # the second time from the index that the first has left
        found = load(place)
        assert sorted(one.id for one in found.records) == [
            "GHSA-462w-v97r-4m45", "PYSEC-2019-217", "PYSEC-2021-66", "PYSEC-2023-192",
        ]  # fmt: skip
        assert (found.count, f"{found.modified:%Y-%m-%d}") == (6, "2024-02-16")
    assert len(list(tmp_path.glob("cache/advisories/*.json"))) == ("archive" in kind)


def test_yaml_is_read_as_pypas_database_has_it(tmp_path: Path) -> None:
    text = (
        "id: PYSEC-1\nmodified: '2026-01-02T03:04:05.6Z'\naffected:\n- package:\n"
        "    ecosystem: PyPI\n    name: Jinja2\n  versions:\n  - 1.10\n"
    )
    found = load(write(tmp_path / "vulns", {"jinja2/PYSEC-1.yaml": text}))
    assert found.records[0].about("jinja2").__next__().versions == ("1.10",)
    assert found.modified.day == 2


ODD_YAML = {
    "inline beside a block": "- package:\n    ecosystem: PyPI\n    name: other\n- package: {name: jinja2, ecosystem: PyPI}\n  versions: ['1']\n",
    "inline": "- {package: {ecosystem: pypi, name: Jinja2}, versions: ['1']}\n",
    "quoted keys": "- 'package':\n    'ecosystem': PyPI\n    'name': jinja2\n  versions: ['1']\n",
    "with a comment": "- package: # it\n    ecosystem: PyPI\n    name: jinja2\n  versions: ['1']\n",
    "lower case": "- package:\n    ecosystem: pypi\n    name: jinja2\n  versions: ['1']\n",
    "an alias": "- package: &it\n    ecosystem: PyPI\n    name: jinja2\n  versions: ['1']\n- package: *it\n",
}  # fmt: skip


@pytest.mark.parametrize("affected", ODD_YAML.values(), ids=ODD_YAML)
def test_yaml_is_read_however_it_is_written(affected: str, tmp_path: Path) -> None:
    text = f"id: PYSEC-1\nmodified: 2026-01-02T03:04:05Z\naffected:\n{affected}"
    found = load(write(tmp_path / "vulns", {"PYSEC-1.yaml": text}))
    assert (found.count, [one.id for one in found.records]) == (1, ["PYSEC-1"])
    assert found.records[0].about("jinja2").__next__().versions == ("1",)


def of(ecosystem: str, **changed: object) -> bytes:
    return record(**changed).replace(b'"PyPI"', f'"{ecosystem}"'.encode())  # type: ignore[arg-type]


def test_only_records_of_pypi_count_and_date_the_data(tmp_path: Path) -> None:
    old = record(modified="2020-01-01T00:00:00Z")
    yaml = "id: C\nmodified: 2026-01-29T00:00:00Z\naffected:\n- package:\n    ecosystem: npm\n    name: jinja2\n"
    members: dict[str, str | bytes] = {"a.json": old, "b.json": of("npm", id="B"), "c.yaml": yaml}
    for place in (write(tmp_path / "osv", members), write(tmp_path / "zip", {"x.zip": zipped(
        {name: data if isinstance(data, bytes) else data.encode() for name, data in members.items()}
    )})):  # fmt: skip
        found = load(place)
        assert (found.count, found.modified.year) == (1, 2020)
        assert [one.id for one in found.records] == ["A"]
    with pytest.raises(CannotTell, match="holds no OSV records of PyPI"):
        load(write(tmp_path / "npm", {"b.json": of("npm"), "c.yaml": yaml}))


def test_the_ecosystem_in_lower_case_is_the_same(tmp_path: Path) -> None:
    assert load(write(tmp_path / "osv", {"a.json": of("pypi")})).records[0].id == "A"


def test_archives_in_folders_are_read(tmp_path: Path) -> None:
    files = {"a/b/x.zip": zipped({"a.json": record()}), "b.json": record(id="B")}
    found = load(write(tmp_path / "osv", files))
    assert (found.count, {one.id for one in found.records}) == (2, {"A", "B"})


def test_a_name_that_is_escaped_or_not_found_at_a_glance_is_found(tmp_path: Path) -> None:
    nested = {"package": {"purl": {}, "ecosystem": "PyPI", "name": "urllib3"}, "versions": ["1"]}
    beside = json.loads(record("other"))["affected"]
    members = {
        "d.json": record(id="D", affected=[*beside, nested]),
        "a.json": record().replace(b'"jinja2"', rb'"jinja\u0032"'),
        "b.json": record(id="B", affected=[nested]),
    }
    both = json.loads(record("other"))["affected"] + json.loads(record())["affected"]
    second = record(id="C", affected=both).replace(b'"jinja2"', rb'"jinja\u0032"')
    found = load(write(tmp_path / "osv", {**members, "c.json": second}))
    assert {one.id for one in found.records} == {"A", "B", "C", "D"}


def test_the_newer_of_two_records_counts(tmp_path: Path) -> None:
    older = record(modified="2020-01-01T00:00:00Z", withdrawn="2020-01-01T00:00:00Z")
    found = load(write(tmp_path / "osv", {"a.json": record(), "b.json": older}))
    assert [one.withdrawn for one in found.records] == [None]


def test_a_record_of_tomorrow_does_not_make_the_data_fresh(tmp_path: Path) -> None:
    later = (NOW + timedelta(days=3)).isoformat()
    members = {"a.json": record(modified="2020-01-01T00:00:00Z"), "b.json": record(modified=later)}
    assert load(write(tmp_path / "osv", members)).modified.year == 2020


def test_an_index_that_does_not_fit_is_not_believed(tmp_path: Path) -> None:
    place = write(tmp_path, {"all.zip": zipped(REAL)}) / "all.zip"
    load(place)
    (kept,) = tmp_path.glob("cache/advisories/*.json")
    told = kept.read_text()
    changed = [("", ""), ('"count":6', '"count":5'), ('"all":6', '"all":7'), ("[0", "[99,0")]
    assert all(old in told for old, _ in changed)
    for text in ("{}", "rubbish", *(told.replace(*pair) for pair in changed)):
        kept.write_text(text)
        assert len(load(place).records) == 4


BOMB = {"bomb.json": b'{"package": {"name": "a"}}' + b" " * (archive.LARGEST + 1)}


def linked() -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as file:
        info = zipfile.ZipInfo("a.json")
        info.external_attr = 0o120777 << 16
        file.writestr(info, "/etc/passwd")
    return stream.getvalue()


def with_wrong_sum() -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_STORED) as file:
        file.writestr("a.json", record())
    return stream.getvalue().replace(b'"versions": ["1"]', b'"versions": ["2"]', 1)


BAD: dict[str, tuple[dict[str, bytes], str]] = {
    "nothing": ({"README.md": b"none"}, "holds no OSV records"),
    "an empty archive": ({"all.zip": zipped({})}, "holds no OSV records"),
    "no archive": ({"all.zip": b"<html>"}, "no zip archive"),
    "an archive that is cut off": ({"all.zip": zipped(REAL)[:900]}, "no zip archive"),
    "a bomb": ({"all.zip": zipped(BOMB)}, "more than 32 MiB"),
    "a member that leads out": ({"all.zip": zipped({"../a.json": record()})}, "leads out"),
    "an absolute member": ({"all.zip": zipped({"/a.json": record()})}, "leads out"),
    "a member of Windows": ({"all.zip": zipped({"C:\\a.json": record()})}, "leads out"),
    "a link": ({"all.zip": linked()}, "is a link"),
    "a wrong sum": ({"all.zip": with_wrong_sum()}, "CRC"),
    "a record that is cut off": ({"a.json": record()[:-9], "b.json": record()}, "a.json .*cut off"),
    "a record that is none": ({"a.json": b"{}"}, "a.json is no OSV record"),
    "a record of another shape": ({"a.json": record(affected=7)}, "a.json is no OSV record"),
    "no date": ({"a.json": record(modified="")}, "does not tell when"),
    "nested too deep": ({"a.json": b'{"a":' + b"[" * 200_000 + b"}"}, "a.json is no OSV record"),
    "YAML that is none": ({"a.yaml": b"a: [\n"}, "a.yaml is no OSV record"),
    "a manifest of another archive": (
        {
            "all.zip": zipped(REAL),
            "all.zip.manifest.json": b'{"source":"","fetched":"","modified":"","records":1,"sha256":""}',
        },
        "is not what",
    ),
    "a broken manifest": ({"all.zip": zipped(REAL), "all.zip.manifest.json": b"{"}, "cannot be read"),
}  # fmt: skip


@pytest.mark.parametrize("case", BAD)
def test_what_cannot_be_trusted_is_refused(tmp_path: Path, case: str) -> None:
    files, reason = BAD[case]
    with pytest.raises(CannotTell, match=reason):
        load(write(tmp_path / "osv", dict(files)))


def test_all_together_may_not_be_too_large(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store, "ALL", 2_000)
    with pytest.raises(CannotTell, match="the records have more than"):
        load(write(tmp_path / "osv", dict(REAL)))
    monkeypatch.setattr(archive, "ALL", 2_000)
    with pytest.raises(CannotTell, match="unpacks to more than"):
        load(write(tmp_path / "zip", {"all.zip": zipped(REAL)}))


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no named pipes here")
def test_pipes_and_links_are_not_followed(tmp_path: Path) -> None:
    folder = write(tmp_path / "osv", {"a.json": record()})
    (folder / "link.json").symlink_to("/etc/passwd")
    (folder / "loop").symlink_to(folder)
    assert load(folder).count == 1
    os.mkfifo(folder / "pipe.json")
    with pytest.raises(CannotTell, match="cannot be read"):
        load(folder)
    with pytest.raises(CannotTell, match="there are no advisories at nowhere"):
        load(tmp_path / "nowhere")


def test_an_example_is_found_in_any_advisories(tmp_path: Path) -> None:
    assert example.vulnerable(DATA / "osv", tmp_path, NOW) == ("jinja2", "2.10")
    folder = write(tmp_path / "osv", {"a.json": record("left-pad")})
    assert example.vulnerable(folder, tmp_path, NOW) == ("left-pad", "1")
    none = write(tmp_path / "none", {"a.json": record(withdrawn="2020-01-01T00:00:00Z")})
    with pytest.raises(CannotTell, match="no version"):
        example.vulnerable(none, tmp_path, NOW)


# fetching


@pytest.fixture
def served(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[str, Path]]:
    """The address of a folder, and the folder."""
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
    folder = tmp_path / "served"
    folder.mkdir()

    class Quiet(SimpleHTTPRequestHandler):
        def log_message(self, *_: object) -> None:
            pass

        def send_header(self, keyword: str, value: str) -> None:
            if keyword == "Content-Length" and self.path.startswith("/cut"):
                value = str(int(value) + 10)
            super().send_header(keyword, value)

    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(folder)))
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}", folder
    server.shutdown()
    server.server_close()
    thread.join()


def test_an_archive_is_fetched_with_its_manifest(served: tuple[str, Path], tmp_path: Path) -> None:
    address, folder = served
    write(folder, {"all.zip": zipped(REAL)})
    target = tmp_path / "new" / "PyPI.zip"
    manifest = refresh.refresh(f"{address}/all.zip", target)
    assert (manifest.records, manifest.modified[:10]) == (6, "2024-02-16")
    assert store.read_manifest(target) == manifest
    assert load(target.parent).count == 6
    assert {path.name for path in target.parent.iterdir()} == {
        "PyPI.zip", "PyPI.zip.manifest.json",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("name", "content", "reason"),
    [
        ("none.zip", None, "answered 404"),
        ("html.zip", b"<html>", "no zip archive"),
        ("other.zip", zipped({"a.txt": b"a"}), "holds no OSV records"),
        (
            "npm.zip",
            zipped({"a.json": b'{"id": "A", "modified": "2026-01-01T00:00:00Z"}'}),
            "of packages",
        ),
        ("cut.zip", zipped(REAL), "broke off|cannot be reached"),
    ],
)
def test_what_is_no_archive_of_records_leaves_all_as_it_was(
    served: tuple[str, Path], tmp_path: Path, name: str, content: bytes | None, reason: str
) -> None:
    address, folder = served
    if content is not None:
        write(folder, {name: content})
    target = write(tmp_path / "old", {"PyPI.zip": b"old", "PyPI.zip.manifest.json": b"old"})
    with pytest.raises(CannotTell, match=reason) as told:
        refresh.refresh(f"{address}/{name}", target / "PyPI.zip")
    assert "\n" not in str(told.value)
    assert {path.name: path.read_bytes() for path in target.iterdir()} == {
        "PyPI.zip": b"old", "PyPI.zip.manifest.json": b"old",
    }  # fmt: skip


@pytest.mark.parametrize("url", ["http://127.0.0.1:9/all.zip", "file:///etc/passwd", "http://[/"])
def test_what_cannot_be_reached_is_told_in_one_line(
    url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    with pytest.raises(CannotTell) as told:
        refresh.refresh(url, tmp_path / "PyPI.zip")
    assert "\n" not in str(told.value)
    assert ("no http(s) address" in str(told.value)) == url.startswith("file:")
    assert list(tmp_path.iterdir()) == []
