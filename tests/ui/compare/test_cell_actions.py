"""What can be done with a cell of a comparison."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.ui.workbenches import workbench
from vae_workbench.compare.folder.folder import VaeRecord
from vae_workbench.errors import InvalidInput
from vae_workbench.progress import Progress, silent
from vae_workbench.ui.compare.cell_actions import act, offered
from vae_workbench.ui.compare.comparisons import Comparisons
from vae_workbench.ui.workbench import Used

ID = "0123456789abcdef" * 2


@pytest.fixture
def comparisons(tmp_path: Path) -> Comparisons:
    made = Comparisons(tmp_path / "comparisons")
    (tmp_path / "vae.pt").touch()
    made.open(ID).add_vae(VaeRecord("v", "vae.pt", path=str(tmp_path / "vae.pt")))
    made.open(ID).add_vae(VaeRecord("gone", "gone.pt", path=str(tmp_path / "gone.pt")))
    return made


def used(path: Path, _progress: Progress) -> Used:
    return Used(f"{path.name} is used.", before="it's.pt")


def put_back(name: str, _progress: Progress) -> str:
    return f"{name} again."


def order(action: str = "use-now", vae: str = "v", comparison: str = ID) -> str:
    return json.dumps({"action": action, "vae": vae, "comparison": comparison})


def test_only_what_a_workbench_can_do_is_offered(tmp_path: Path) -> None:
    assert [action["id"] for action in offered(workbench(tmp_path))] == ["show-in-library"]
    able = offered(workbench(tmp_path, use_now=used, use_for_checkpoint=used))
    assert {action["id"] for action in able} == {
        "use-for-checkpoint", "use-now", "send-img2img", "send-extras", "show-in-library",
    }  # fmt: skip


def test_the_file_that_was_compared_is_used_and_told(tmp_path: Path, comparisons: Comparisons) -> None:
    bench = workbench(tmp_path, use_now=used, comparisons=comparisons)
    assert "vae.pt is used." in act(bench, silent, order())


def test_what_the_top_bar_said_before_is_put_back(tmp_path: Path, comparisons: Comparisons) -> None:
    bench = workbench(tmp_path, use_now=used, put_back=put_back, comparisons=comparisons)
    assert "data-vaewb-put-back='it&#x27;s.pt'" in act(bench, silent, order())
    assert "it again." in act(bench, silent, json.dumps({"action": "put-back", "before": "it", "comparison": ID}))


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "{}",
        order("use-for-checkpoint"),
        order("show-in-library"),
        json.dumps({"action": "put-back", "before": "it", "comparison": ID}),
        order(vae="gone"),
        order(vae="other"),
        order(comparison="f" * 32),
        order(comparison="../" + ID),
    ],
)
def test_nothing_else_can_be_asked_for(tmp_path: Path, comparisons: Comparisons, text: str) -> None:
    with pytest.raises(InvalidInput):
        act(workbench(tmp_path, use_now=used, comparisons=comparisons), silent, text)
