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
from vae_workbench.library.library import Library


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


@pytest.mark.parametrize("damage", ["garbage", "torn", "foreign"])
def test_a_damaged_index_is_made_anew(
    library: Library, models: Path, tmp_path: Path, damage: str, caplog: pytest.LogCaptureFixture
) -> None:
    library.scan([models])
    database = library.index.path
    library.index.close()
    if damage == "garbage":
        database.write_bytes(os.urandom(40_000))
    elif damage == "torn":
        content = database.read_bytes()
        database.write_bytes(content[:100] + os.urandom(len(content) - 100))
    else:
        with sqlite3.connect(database) as connection:
            connection.execute("UPDATE sketches SET data = x'00'")
        connection.close()
    with caplog.at_level(logging.WARNING, "vae_workbench"):
        report = library.scan([models])
    assert report.examined == 6 and "damaged" in report.complaints[0] and "damaged" in caplog.text
    assert len(library.collection().entries) == 6
    again = Library(database, tmp_path / "data" / "names.json")
    assert again.scan([models]).examined == 0 and not again.index.complaint


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


def test_nothing_is_stored_that_json_cannot_hold(library: Library, models: Path) -> None:
    """NaN weights and strange names are in the index as they are."""
    save_file(
        {**small_kl(3), "decoder.conv_in.bias": torch.full((32,), float("nan"))}, models / "VAE/nan \u2028ü.safetensors"
    )
    library.scan([models])
    entry = library.collection().by_name("nan \u2028ü.safetensors")
    assert entry and entry.verdict.kind == "broken" and "NaN" in json.dumps(entry.verdict.reasons)
    assert entry in library.collection().vaes
