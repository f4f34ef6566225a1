"""Small files of JSON that belong to the user."""

from __future__ import annotations

import json
import logging
import threading
from pathlib import Path

import pytest

from vae_workbench.errors import UnsupportedFile, UnwritableTarget
from vae_workbench.stored import StoredJson


def stored(path: Path, version: int = 1, **migrations) -> StoredJson:
    return StoredJson(path, version, {int(key[1:]): change for key, change in migrations.items()})


def test_what_was_written_is_read_again(tmp_path: Path) -> None:
    path = tmp_path / "new folder" / "names.json"
    assert stored(path).read() == {}
    stored(path).update(lambda content: content.update(a=[1, "ü"]))
    assert stored(path).read() == {"a": [1, "ü"]}
    assert [p.name for p in path.parent.iterdir()] == ["names.json"]


def test_another_programs_change_is_seen_and_kept(tmp_path: Path) -> None:
    one, other = stored(tmp_path / "a.json"), stored(tmp_path / "a.json")
    one.update(lambda content: content.update(a=1))
    other.update(lambda content: content.update(b=2))
    one.update(lambda content: content.update(c=3))
    assert other.read() == {"a": 1, "b": 2, "c": 3}


@pytest.mark.parametrize("damage", [b"", b"{", b"[]", b"\xff\xfe", b'{"a": 1}', b'{"version": true}', b"[" * 100_000])
def test_a_damaged_file_is_set_aside(tmp_path: Path, damage: bytes, caplog: pytest.LogCaptureFixture) -> None:
    path = tmp_path / "a.json"
    path.write_bytes(damage)
    with caplog.at_level(logging.WARNING, "vae_workbench"):
        assert stored(path).read() == {}
    (aside,) = tmp_path.iterdir()
    assert aside.name.startswith("a.json.damaged-") and aside.read_bytes() == damage
    assert aside.name in caplog.text


def test_old_versions_are_migrated(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    path.write_text(json.dumps({"version": 1, "old": 5}))
    file = stored(path, 3, v1=lambda c: {"newer": c["old"]}, v2=lambda c: {"newest": c["newer"] + 1})
    assert file.read() == {"newest": 6}
    file.update(lambda content: None)
    assert json.loads(path.read_text()) == {"version": 3, "newest": 6}


def test_a_newer_version_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    path.write_text('{"version": 9}')
    with pytest.raises(UnsupportedFile, match="newer version"):
        stored(path).update(lambda content: content.update(a=1))
    assert path.read_text() == '{"version": 9}'


def test_a_failed_write_changes_nothing(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    file = stored(path)
    file.update(lambda content: content.update(a=1))
    with pytest.raises(TypeError):
        file.update(lambda content: content.update(a=object()))
    with pytest.raises(ZeroDivisionError):
        file.update(lambda content: content.update(a=1 // 0))
    assert file.read() == {"a": 1} and [p.name for p in tmp_path.iterdir()] == ["a.json"]
    (tmp_path / "file").touch()
    with pytest.raises(UnwritableTarget):
        stored(tmp_path / "file" / "a.json")._write({})


def test_threads_lose_nothing(tmp_path: Path) -> None:
    file = stored(tmp_path / "a.json")

    def work(number: int) -> None:
        for step in range(10):
            file.update(lambda content, key=f"{number}-{step}": content.update({key: 1}))

    threads = [threading.Thread(target=work, args=(n,)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(file.read()) == 40


def test_any_text_is_kept_in_a_file_that_is_utf_8(tmp_path: Path) -> None:
    """A file name that is not UTF-8 could not be written, and the change was lost with a traceback."""
    path = tmp_path / "a.json"
    content = {"\udce9": ["é 日本", "\ud800 \udfff", "\x1b[31m\n\u2028", "\\udce9"]}
    stored(path).update(lambda now: now.update(content))
    assert stored(path).read() == content and "日本" in path.read_bytes().decode("utf-8")
