"""Files found, told apart, remembered."""

from __future__ import annotations

import hashlib
import json
import logging
import multiprocessing
import os
import shutil
import sqlite3
import sys
import threading
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from tests.identity.files import checkpoint, small_kl
from vae_workbench.errors import Cancelled, InvalidInput
from vae_workbench.identity import examine as examine_module
from vae_workbench.identity import hashes
from vae_workbench.library import examine_file
from vae_workbench.library.entry import to_json
from vae_workbench.library.index import _is_damage
from vae_workbench.library.library import Library
from vae_workbench.library.places import library_in
from vae_workbench.printable import printable


@pytest.fixture
def library(tmp_path: Path) -> Library:
    return Library(tmp_path / "data" / "library.sqlite", tmp_path / "data" / "names.json")


@pytest.fixture
def models(tmp_path: Path) -> Path:
    """Two VAEs, a copy of one in half precision, a checkpoint that holds one, a broken file, and something else."""
    folder = tmp_path / "models"
    (folder / "VAE").mkdir(parents=True)
    save_file(small_kl(0), folder / "VAE/a.safetensors")
    save_file(small_kl(1), folder / "VAE/b.safetensors")
    save_file({name: tensor.half() for name, tensor in small_kl(0).items()}, folder / "VAE/a-half.safetensors")
    save_file(checkpoint("sd1", small_kl(1)), folder / "model.safetensors")
    save_file({"lora_up.weight": torch.zeros(4, 4)}, folder / "lora.safetensors")
    (folder / "VAE/broken.pt").write_bytes(b"nothing that can be read")
    return folder


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Names of the files that were opened to be examined."""
    names: list[str] = []
    real = examine_module.open_weights

    def recording(path):
        names.append(Path(path).name)
        return real(path)

    monkeypatch.setattr(examine_module, "open_weights", recording)
    return names


def test_every_file_is_told_in_the_light_of_the_others(library: Library, models: Path) -> None:
    report = library.scan([models])
    found = library.collection()
    assert (report.files, report.examined, report.gone, report.complaints) == (6, 6, 0, ())
    kinds = {entry.name: entry.verdict.kind for entry in found.entries}
    assert kinds == {
        "a.safetensors": "vae", "a-half.safetensors": "vae", "b.safetensors": "vae",
        "model.safetensors": "checkpoint", "lora.safetensors": "other", "broken.pt": "broken",
    }  # fmt: skip
    half, b = found.by_name("a-half.safetensors"), found.by_name("b.safetensors")
    assert half and half.verdict.copies_of == ("a.safetensors",)
    assert b and b.verdict.latent_space == "sd1" and str(b.verdict.certainty) == "certain"
    assert [entry.name for entry in found.checkpoints] == ["model.safetensors"]
    assert found.by_path(models / "VAE/a.safetensors") == found.by_name("a.safetensors")
    vaes, relations = found.relations
    assert sorted(len(group) for group in relations.groups) == [1, 2] and len(vaes) == 3


def test_an_unchanged_file_is_not_opened_again(
    library: Library, models: Path, tmp_path: Path, opened: list[str]
) -> None:
    library.scan([models])
    before = library.collection()
    opened.clear()
    assert library.scan([models]).examined == 0 and library.collection() is before
    again = Library(tmp_path / "data" / "library.sqlite", tmp_path / "data" / "names.json")
    assert again.scan([models]).examined == 0 and opened == []
    assert again.collection().entries == before.entries


def test_a_changed_file_is_opened_again(library: Library, models: Path, opened: list[str]) -> None:
    library.scan([models])
    opened.clear()
    save_file(small_kl(5), models / "VAE/b.safetensors")
    report = library.scan([models])
    assert (report.examined, opened) == (1, ["b.safetensors"])
    b = library.collection().by_name("b.safetensors")
    assert b and b.verdict.latent_space is None


def test_renamed_and_moved_files_keep_what_took_long_to_find_out(library: Library, models: Path) -> None:
    library.scan([models])
    path = models / "VAE/a.safetensors"
    digest = library.compute_sha256(path)
    entry = library.collection().by_path(path)
    assert entry and entry.sha256 == digest == hashlib.sha256(path.read_bytes()).hexdigest()
    identity = entry.verdict.sketch_id
    assert identity
    library.keep_thumbnail(identity, None, b"picture")
    (models / "elsewhere").mkdir()
    path.rename(models / "elsewhere/renamed.safetensors")
    assert library.scan([models]).gone == 1
    renamed = library.collection().by_name("renamed.safetensors")
    assert renamed and renamed.sha256 == digest and renamed.fingerprint == entry.fingerprint
    assert library.thumbnail(identity, None) == b"picture"
    assert library.thumbnails() == {(identity, None)}
    assert library.thumbnail(identity, "sdxl") is None, "it would look different"
    assert library.collection().by_name("a.safetensors") is None


def test_deleted_files_go(library: Library, models: Path) -> None:
    library.scan([models])
    entry = library.collection().by_name("b.safetensors")
    assert entry and entry.verdict.sketch_id
    library.keep_thumbnail(entry.verdict.sketch_id, "sd1", b"picture")
    (models / "VAE/b.safetensors").unlink()
    assert library.scan([models]).gone == 1
    assert library.collection().by_name("b.safetensors") is None
    assert library.thumbnail(entry.verdict.sketch_id, "sd1"), "a checkpoint has the same VAE baked in"
    (models / "model.safetensors").unlink()
    assert library.scan([models]).gone == 1
    assert library.thumbnail(entry.verdict.sketch_id, "sd1") is None
    assert str(models / "VAE/b.safetensors") not in library.index.records()


def test_below_a_folder_that_is_not_there_nothing_is_forgotten(
    library: Library, models: Path, opened: list[str]
) -> None:
    """A drive that was not plugged in for once."""
    library.scan([models])
    models.rename(models.with_name("unplugged"))
    report = library.scan([models])
    assert report.files == 0 and report.gone == 0 and len(report.complaints) == 1
    assert library.collection().entries == ()
    models.with_name("unplugged").rename(models)
    opened.clear()
    assert library.scan([models]).examined == 0 and opened == []


def test_files_of_other_folders_are_not_shown_and_not_forgotten(library: Library, models: Path) -> None:
    library.scan([models])
    assert library.scan([models / "VAE"]).files == 4
    assert library.collection().by_name("model.safetensors") is None
    assert library.scan([models]).examined == 0


def test_the_same_name_in_two_folders(library: Library, models: Path) -> None:
    (models / "other").mkdir()
    shutil.copy(models / "VAE/b.safetensors", models / "other/a.safetensors")
    library.scan([models])
    found = library.collection()
    assert found.by_name("a.safetensors") is None
    one, other = found.by_name("VAE/a.safetensors"), found.by_name("other/a.safetensors")
    assert one and other and one.path != other.path
    assert "model.safetensors" in other.verdict.copies_of


def test_a_cancelled_scan_keeps_what_it_found(library: Library, models: Path, opened: list[str]) -> None:
    def progress(fraction: float, what: str) -> None:
        if len(opened) == 3:
            raise Cancelled

    with pytest.raises(Cancelled):
        library.scan([models], progress)
    assert len(library.collection().entries) == 3
    assert library.scan([models]).examined == 3


def test_a_name_given_by_hand_goes_to_all_copies_and_stays(library: Library, models: Path, tmp_path: Path) -> None:
    library.scan([models])
    entry = library.collection().by_name("b.safetensors")
    assert entry and entry.verdict.sketch_id
    library.entitle(entry.verdict.sketch_id, "  The good one ")
    again = Library(tmp_path / "data" / "library.sqlite", tmp_path / "data" / "names.json")
    again.scan([models])
    for found in (library.collection(), again.collection()):
        named, model = found.by_name("b.safetensors"), found.by_name("model.safetensors")
        assert named and named.verdict.known_as == "The good one"
        assert model and model.verdict.baked and model.verdict.baked.known_as == "The good one"
    library.entitle(entry.verdict.sketch_id, None)
    entry = library.collection().by_name("b.safetensors")
    assert entry and entry.verdict.known_as is None


@pytest.mark.parametrize("title", ["", "   ", "x" * 101])
def test_an_empty_name_is_refused(library: Library, title: str) -> None:
    with pytest.raises(InvalidInput, match="name"):
        library.entitle("0123456789abcdef", title)


def test_only_files_of_the_library_are_hashed(library: Library, models: Path, tmp_path: Path) -> None:
    (tmp_path / "secret").write_bytes(b"secret")
    library.scan([models])
    with pytest.raises(InvalidInput, match="not in the library"):
        library.compute_sha256(tmp_path / "secret")
    assert library.unhashed() == []


def test_small_vaes_are_hashed_at_once_and_large_ones_later(
    library: Library, models: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Tiny autoencoders of 2.4 MB were called unknown until somebody asked for their sha256."""
    monkeypatch.setattr(hashes, "SMALL", (models / "VAE/a.safetensors").stat().st_size - 1)
    library.scan([models])
    half = library.collection().by_name("a-half.safetensors")
    assert half and half.sha256 == hashlib.sha256(Path(half.path).read_bytes()).hexdigest()
    assert library.unhashed() == [str(models / "VAE" / f"{name}.safetensors") for name in ("a", "b")]


def test_only_vaes_are_hashed(library: Library, models: Path) -> None:
    library.scan([models])
    hashed = {entry.name for entry in library.collection().entries if entry.sha256}
    assert hashed == {"a.safetensors", "a-half.safetensors", "b.safetensors"}


def test_unhashed_ones_are_told_the_smallest_first(
    library: Library, models: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hashes, "SMALL", 0)
    library.scan([models])
    assert library.unhashed() == [str(models / "VAE" / f"{name}.safetensors") for name in ("a-half", "a", "b")]


def test_one_file_at_once_without_a_scan(library: Library, models: Path, opened: list[str]) -> None:
    library.scan([models / "VAE"])
    entry = library.entry(models / "model.safetensors")
    assert entry.verdict.baked and entry.verdict.copies_of == ("b.safetensors",)
    opened.clear()
    assert library.entry(models / "VAE/b.safetensors").verdict.kind == "vae" and opened == []
    missing = library.entry(models / "missing.pt")
    assert missing.verdict.kind == "broken" and "does not exist" in (missing.verdict.error or "")


def test_some_files_before_any_scan(library: Library, models: Path, opened: list[str]) -> None:
    paths = [models / "VAE/b.safetensors", models / "model.safetensors", models / "missing.pt"]
    for _ in range(2):
        found = library.among(paths)
        assert [entry.name for entry in found.entries] == ["b.safetensors", "model.safetensors"]
        assert found.entries[0].verdict.latent_space == "sd1"
    assert opened == ["b.safetensors", "model.safetensors"]
    assert library.report is None and library.scan([models]).examined == 4


@pytest.mark.skipif(sys.platform == "win32" or os.geteuid() == 0, reason="this user may read everything")
def test_a_file_that_may_not_be_read_is_broken_and_the_others_go_on(library: Library, models: Path) -> None:
    (models / "VAE/a.safetensors").chmod(0)
    library.scan([models])
    entry = library.collection().by_name("a.safetensors")
    assert entry and entry.verdict.kind == "broken"


@pytest.mark.parametrize("damage", ["garbage", "torn"])
def test_a_damaged_index_is_made_anew(
    library: Library, models: Path, tmp_path: Path, damage: str, caplog: pytest.LogCaptureFixture
) -> None:
    library.scan([models])
    database = library.index.path
    library.index.close()
    if damage == "garbage":
        database.write_bytes(os.urandom(40_000))
    else:
        content = database.read_bytes()
        database.write_bytes(content[:100] + os.urandom(len(content) - 100))
    with caplog.at_level(logging.WARNING, "vae_workbench"):
        report = library.scan([models])
    assert report.examined == 6 and "damaged" in report.complaints[0] and "damaged" in caplog.text
    assert len(library.collection().entries) == 6
    again = Library(database, tmp_path / "data" / "names.json")
    assert again.scan([models]).examined == 0 and not again.index.complaint


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE sketches SET data = x'00'",
        "DELETE FROM sketches",
        "UPDATE files SET examination = '{}'",
        "UPDATE files SET examination = 5",
        "UPDATE files SET stamp = 'soon'",
        "UPDATE files SET path = 'text'",
    ],
)
def test_rows_that_cannot_be_understood_are_examined_again(
    library: Library, models: Path, tmp_path: Path, change: str
) -> None:
    library.scan([models])
    library.index.close()
    with sqlite3.connect(library.index.path) as connection:
        connection.execute("DELETE FROM files WHERE path <> (SELECT min(path) FROM files)")
        connection.execute(change)
    connection.close()
    report = library.scan([models])
    assert report.examined == 6 and report.complaints == () and len(library.collection().entries) == 6
    again = Library(library.index.path, tmp_path / "data" / "names.json")
    assert again.scan([models]).examined == 0 and len(list(library.index.path.parent.glob("*damaged*"))) == 0


def test_an_index_of_another_version_is_made_anew(library: Library, models: Path) -> None:
    library.scan([models])
    library.index.close()
    with sqlite3.connect(library.index.path) as connection:
        connection.execute("DROP TABLE files")
        connection.execute("CREATE TABLE files (other INTEGER)")
        connection.execute("PRAGMA user_version = 999")
    connection.close()
    report = library.scan([models])
    assert report.examined == 6 and report.complaints == ()


def test_a_database_of_another_program_is_set_aside(library: Library, models: Path) -> None:
    """Its tables were dropped, as those of an older version of our own are."""
    library.index.path.parent.mkdir(exist_ok=True)
    with sqlite3.connect(library.index.path) as connection:
        connection.execute("CREATE TABLE books (title TEXT)")
    connection.close()
    report = library.scan([models])
    assert report.examined == 6 and "not a database of this program" in report.complaints[0]
    (kept,) = library.index.path.parent.glob("*damaged*")
    with sqlite3.connect(kept) as connection:
        assert connection.execute("SELECT name FROM sqlite_master").fetchall() == [("books",)]
    connection.close()


def test_an_index_that_stays_locked_is_done_without(
    library: Library, models: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    library.scan([models])
    library.index.close()
    monkeypatch.setattr("vae_workbench.library.index.PATIENCE", 0.1)
    holder = sqlite3.connect(library.index.path)
    holder.execute("PRAGMA locking_mode = EXCLUSIVE")
    holder.execute("BEGIN EXCLUSIVE")
    with caplog.at_level(logging.WARNING, "vae_workbench"):
        report = library.scan([models])
    holder.close()
    assert report.examined == 6 and "cannot be used" in report.complaints[0]
    assert library.scan([models]).examined == 0
    assert [path.name for path in library.index.path.parent.glob("library.sqlite*damaged*")] == []


@pytest.mark.parametrize(
    "error",
    [
        sqlite3.OperationalError("database or disk is full"),
        sqlite3.OperationalError("attempt to write a readonly database"),
        sqlite3.InterfaceError("Error binding parameter 0"),
        sqlite3.ProgrammingError("Incorrect number of bindings supplied"),
        UnicodeEncodeError("utf-8", "\udce9", 0, 1, "surrogates not allowed"),
        OverflowError("Python int too large to convert to SQLite INTEGER"),
        KeyError("a mistake of ours"),
    ],
    ids=lambda error: type(error).__name__,
)
def test_no_other_trouble_is_taken_for_a_damaged_index(
    library: Library, models: Path, tmp_path: Path, error: Exception, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A name that SQLite would not take had a healthy index set aside, at each scan, and the scan ended with a traceback."""
    library.scan([models / "VAE"])

    def row(*_: object) -> tuple[object, ...]:
        raise error

    with monkeypatch.context() as patched:
        patched.setattr("vae_workbench.library.index._row", row)
        report = library.scan([models])
    (complaint,) = report.complaints
    assert "cannot be used" in complaint and len(library.collection().entries) == 6
    assert library.scan([models]).examined == 0, "kept in memory"
    library.keep_thumbnail("sketch", None, b"picture")
    assert library.thumbnail("sketch", None) == b"picture" and library.thumbnails() == {("sketch", None)}
    assert not list(library.index.path.parent.glob("*damaged*"))
    again = Library(library.index.path, tmp_path / "data" / "names.json")
    assert again.scan([models]).examined == 2 and again.index.complaint == ""


@pytest.mark.parametrize("code", [None, 11, 26, 11 | 1 << 8, 13])
def test_damage_is_what_sqlite_calls_so(code: int | None) -> None:
    error = sqlite3.DatabaseError("file is not a database" if code is None else "told by its code")
    if code is not None:
        error.sqlite_errorcode = code
    assert _is_damage(error) == (code != 13)
    assert not _is_damage(sqlite3.OperationalError("disk I/O error")) and not _is_damage(ValueError("malformed"))


def test_a_folder_that_cannot_be_made_is_done_without(
    models: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "file").touch()
    library = Library(tmp_path / "file" / "library.sqlite", tmp_path / "names.json")
    with caplog.at_level(logging.WARNING, "vae_workbench"):
        assert "cannot be used" in library.scan([models]).complaints[0]
    assert len(library.collection().entries) == 6


def _scan(folder: str, models: str) -> None:
    library = Library(Path(folder) / "library.sqlite", Path(folder) / "names.json")
    for _ in range(5):
        library.scan([models])
    assert not library.index.complaint, library.index.complaint
    assert len(library.collection().entries) == 6


def test_two_processes_at_once(library: Library, models: Path) -> None:
    context = multiprocessing.get_context("spawn")
    processes = [context.Process(target=_scan, args=(str(library.index.path.parent), str(models))) for _ in range(2)]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
    assert [process.exitcode for process in processes] == [0, 0]
    assert library.scan([models]).examined == 0


def test_what_another_process_hashed_is_seen(library: Library, models: Path, tmp_path: Path) -> None:
    library.scan([models])
    other = Library(library.index.path, tmp_path / "data" / "names.json")
    other.scan([models])
    other.compute_sha256(models / "VAE/a.safetensors")
    library.scan([models])
    entry = library.collection().by_name("a.safetensors")
    assert entry and entry.sha256


def test_threads_see_whole_collections(library: Library, models: Path) -> None:
    library.scan([models])
    counts: set[int] = set()
    done = threading.Event()

    def watch() -> None:
        while not done.is_set():
            counts.add(len(library.collection().entries))

    watcher = threading.Thread(target=watch)
    watcher.start()
    for number in range(5):
        (models / f"{number}.pt").write_bytes(b"x")
        library.scan([models])
    done.set()
    watcher.join()
    assert counts <= set(range(6, 12))


def test_nan_weights_are_stored(library: Library, models: Path) -> None:
    save_file({**small_kl(3), "decoder.conv_in.bias": torch.full((32,), float("nan"))}, models / "VAE/nan.safetensors")
    library.scan([models])
    entry = library.collection().by_name("nan.safetensors")
    assert entry and entry.verdict.kind == "broken" and "NaN" in json.dumps(entry.verdict.reasons)
    assert entry in library.collection().vaes


NAMES = {
    b"latin-\xe9.safetensors": r"latin-\xe9.safetensors",
    b"\x83v\x83\x8a.safetensors": r"\x83v\x83\x8a.safetensors",
    b"line\nbreak.safetensors": r"line\x0abreak.safetensors",
    b"\x1b[31mred.safetensors": r"\x1b[31mred.safetensors",
    "left \u202e\u200f right.safetensors".encode(): r"left \u202e\u200f right.safetensors",
    "line \u2028 separator ü.safetensors".encode(): r"line \u2028 separator ü.safetensors",
    "日本語.safetensors".encode(): "日本語.safetensors",
}
"""What the file system has → what is shown."""


@pytest.mark.skipif(sys.platform != "linux", reason="other systems have names of text only")
def test_any_name_is_listed_escaped_and_kept(library: Library, models: Path, tmp_path: Path) -> None:
    """A name from a Shift-JIS archive ended the scan with a traceback and had the index set aside."""
    folder = os.fsencode(models / "VAE")
    for number, name in enumerate(NAMES):
        shutil.copy(models / "VAE/a.safetensors", os.fsdecode(folder + b"/" + name))
        os.utime(folder + b"/" + name, ns=(number, number - 3))
    (models / os.fsdecode(b"folder-\xff")).mkdir()
    shutil.copy(models / "VAE/b.safetensors", models / os.fsdecode(b"folder-\xff") / "b.safetensors")
    report = library.scan([models])
    assert report.complaints == () and report.files == 6 + len(NAMES) + 1
    names = {entry.name: entry for entry in library.collection().entries}
    assert names.keys() >= set(NAMES.values()) and r"folder-\xff/b.safetensors" in names
    entry = names[r"latin-\xe9.safetensors"]
    assert os.fsencode(entry.path).endswith(b"latin-\xe9.safetensors") and "a.safetensors" in entry.verdict.copies_of
    assert library.collection().by_path(entry.path) is entry and library.entry(entry.path) is entry
    assert library.collection().called(Path(entry.path).name) == (entry,)
    json.dumps(to_json(entry), ensure_ascii=False).encode()
    again = Library(library.index.path, tmp_path / "data" / "names.json")
    assert again.scan([models]).examined == 0 and again.collection().entries == library.collection().entries
    Path(entry.path).unlink()
    assert again.scan([models]).gone == 1 and not list(library.index.path.parent.glob("*damaged*"))


@pytest.mark.skipif(sys.platform == "win32", reason="its file systems know no such dates")
@pytest.mark.parametrize("mtime_ns", [-(2**62), -1, 0, 1, 2**33 * 10**9])
def test_any_date_is_kept(library: Library, models: Path, tmp_path: Path, mtime_ns: int) -> None:
    """SQLite's integers end in the year 2262."""
    os.utime(models / "VAE/a.safetensors", ns=(0, mtime_ns))
    assert library.scan([models]).complaints == ()
    again = Library(library.index.path, tmp_path / "data" / "names.json")
    assert again.scan([models]).examined == 0 and again.index.complaint == ""


@pytest.mark.skipif(sys.platform == "win32", reason="a replaced file keeps its time of creation there")
@pytest.mark.parametrize("how", ["replaced", "written over"])
def test_a_file_of_the_same_size_and_date_is_another_one(library: Library, models: Path, how: str) -> None:
    """Its weights, and its sha256, were those of the file that it had replaced."""
    path, other = models / "VAE/a.safetensors", models / "VAE/b.safetensors"
    library.scan([models])
    status = path.stat()
    if how == "replaced":
        other.replace(path)
    else:
        path.write_bytes(other.read_bytes())
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))
    assert (path.stat().st_size, path.stat().st_mtime_ns) == (status.st_size, status.st_mtime_ns)
    assert "model.safetensors" in library.entry(path).verdict.copies_of, "seen at once"
    library.scan([models])
    entry = library.collection().by_name("a.safetensors")
    assert entry and entry.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()
    assert "model.safetensors" in entry.verdict.copies_of


def test_one_changed_byte_under_the_same_size_and_date_does_not_keep_the_old_hash(
    library: Library, models: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = models / "VAE/a.safetensors"
    library.scan([models])
    before = library.collection().by_path(path)
    assert before
    content, status = bytearray(path.read_bytes()), path.stat()
    content[len(content) * 3 // 8] ^= 1  # between two samples
    path.write_bytes(content)
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))
    monkeypatch.setattr(hashes, "SMALL", 0)
    library.scan([models])
    entry = library.collection().by_path(path)
    assert entry and entry.fingerprint == before.fingerprint and entry.sha256 is None


def test_a_file_that_brings_our_own_code_down_fails_alone(
    library: Library, models: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    real = examine_file.examine

    def examine(path: str):
        if path.endswith("b.safetensors"):
            raise RecursionError("too deep")
        return real(path)

    with monkeypatch.context() as patched, caplog.at_level(logging.WARNING, "vae_workbench"):
        patched.setattr(examine_file, "examine", examine)
        assert library.scan([models]).files == 6
    entry = library.collection().by_name("b.safetensors")
    assert entry and entry.verdict.error == "b.safetensors could not be examined (RecursionError: too deep)."
    assert library.scan([models]).examined == 1, "it is tried again"
    entry = library.collection().by_name("b.safetensors")
    assert entry and entry.verdict.kind == "vae"


def test_names_that_cannot_be_read_are_done_without(models: Path, tmp_path: Path) -> None:
    """A home folder that may not be written to, or names of a newer version, ended every page with an error."""
    (tmp_path / "names.json").write_text('{"version": 99}')
    library = Library(tmp_path / "library.sqlite", tmp_path / "names.json")
    (complaint,) = library.scan([models]).complaints
    assert "newer version" in complaint and len(library.collection().entries) == 6
    assert len(library.among([models / "VAE/a.safetensors"]).entries) == 1


def test_a_data_folder_that_is_none_is_done_without(models: Path) -> None:
    """As with ``HOME=/dev/null``, which servers use."""
    library = library_in(Path("/dev/null/data") if sys.platform != "win32" else Path("nul/data"))
    complaints = library.scan([models]).complaints
    assert any("index cannot be used" in complaint for complaint in complaints)
    assert len(library.collection().entries) == 6 and library.scan([models]).examined == 0


@pytest.mark.parametrize("name", ["\ud800.pt", "nul\0.pt", "x" * 300 + ".pt"])
def test_names_that_no_file_can_have_are_told_of(library: Library, models: Path, name: str) -> None:
    entry = library.entry(models / name)
    assert entry.verdict.kind == "broken" and entry.verdict.error and printable(entry.name) == entry.name
    assert library.collection().by_path(models / name) is None and library.among([models / name]).entries == ()


def test_what_counts_as_a_vae(library: Library, models: Path) -> None:
    """Three pages gave three counts of VAEs."""
    shutil.copy(models / "VAE/a.safetensors", models / "cut.safetensors")
    os.truncate(models / "cut.safetensors", 400_000)
    save_file({**small_kl(3), "decoder.conv_in.bias": torch.full((32,), float("nan"))}, models / "nan.safetensors")
    library.scan([models])
    found = library.collection()
    vaes = {"a.safetensors", "a-half.safetensors", "b.safetensors", "nan.safetensors"}
    assert {entry.name for entry in found.vaes} == vaes
    assert {entry.name for entry in found.unreadable} == {"broken.pt", "cut.safetensors"}


def test_files_with_the_same_content_are_known_from_all_scans(library: Library, models: Path, tmp_path: Path) -> None:
    (models / "sub").mkdir()
    copy = shutil.copy(models / "model.safetensors", models / "sub/renamed.safetensors")
    library.scan([models])
    assert library.same_content(library.entry(models / "model.safetensors")) == [str(copy)]
    assert library.same_content(library.entry(models / "missing.pt")) == []


@pytest.mark.parametrize("where", ["metadata", "name of a tensor", "file name"])
def test_no_megabytes_of_a_header_are_kept(library: Library, tmp_path: Path, where: str) -> None:
    """Some files carry a workflow or a thumbnail in their metadata."""
    (tmp_path / "models").mkdir()
    path, long = tmp_path / "models/a.safetensors", "B" * 3_000_000
    if where == "metadata":
        keys = ("workflow", "modelspec.architecture", "modelspec.title", long[:1_000_000])
        save_file(small_kl(0), path, dict.fromkeys(keys, long[:1_000_000]))
    elif where == "name of a tensor":
        save_file({**small_kl(0), f"decoder.{long}": torch.zeros(1)}, path)
    else:
        save_file(small_kl(0), path.with_name("B" * 240 + ".safetensors"))
    assert library.scan([tmp_path / "models"]).complaints == ()
    (entry,) = library.collection().entries
    assert len(json.dumps(to_json(entry))) < 10_000
    library.index.close()
    assert library.index.path.stat().st_size < 200_000
