"""Where the library keeps what it knows."""

from __future__ import annotations

from pathlib import Path

import pytest

from vae_workbench.library.places import data_folder, library_in


def test_the_data_folder_can_be_chosen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VAEWB_DATA", str(tmp_path))
    assert data_folder() == tmp_path


@pytest.mark.parametrize(
    ("platform", "variable", "end"),
    [("linux", "XDG_DATA_HOME", "vae-workbench"), ("win32", "LOCALAPPDATA", "vae-workbench")],
)
def test_the_systems_own_place_is_the_default(
    platform: str, variable: str, end: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("VAEWB_DATA", raising=False)
    monkeypatch.setattr("sys.platform", platform)
    monkeypatch.setenv(variable, str(tmp_path))
    assert data_folder() == tmp_path / end


def test_a_system_without_homes_has_a_place_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A bare user id in a container has none, and everything ended with a traceback."""

    def home() -> Path:
        raise RuntimeError("Could not determine home directory.")

    for name in ("VAEWB_DATA", "XDG_DATA_HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr("sys.platform", "linux")
    monkeypatch.setattr(Path, "home", home)
    monkeypatch.setattr("tempfile.gettempdir", lambda: str(tmp_path))
    assert data_folder() == tmp_path / ".local/share/vae-workbench"


def test_nothing_is_made_before_it_is_used(tmp_path: Path) -> None:
    library = library_in(tmp_path / "data")
    assert not (tmp_path / "data").exists()
    library.scan([tmp_path])
    assert (tmp_path / "data" / "library.sqlite").exists()
