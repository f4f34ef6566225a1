"""The comparisons that pages show, and the addresses at which a browser gets them."""

from __future__ import annotations

import io
import json
import os
import zipfile
from pathlib import Path

import fastapi
import pytest
from fastapi.middleware.gzip import GZipMiddleware
from fastapi.testclient import TestClient
from PIL import Image

from vae_workbench.compare.folder.folder import Cell, SourceRecord, VaeRecord
from vae_workbench.errors import Cancelled, InvalidInput
from vae_workbench.progress import silent
from vae_workbench.ui.compare.comparisons import FIRST, KEPT, Comparisons, add_comparison_route

ID = "0123456789abcdef" * 2


@pytest.fixture
def comparisons(tmp_path: Path) -> Comparisons:
    made = Comparisons(tmp_path / "comparisons")
    folder = made.open(ID)
    folder.add_source(SourceRecord("s", "face", "built-in", 8, 8), Image.new("RGB", (8, 8), "red"))
    folder.add_vae(VaeRecord("v", "vae.pt", path="/secret/vae.pt"))
    folder.put(Cell("s", "v", "done"), Image.new("RGB", (8, 8), "blue"))
    return made


@pytest.fixture
def client(comparisons: Comparisons) -> TestClient:
    app = fastapi.FastAPI()
    add_comparison_route(app, comparisons)
    return TestClient(app)


def address(name: str, comparison_id: str = ID) -> str:
    return f"/vae-workbench/comparisons/{comparison_id}/{name}"


def test_a_page_gets_what_is_known_and_the_pictures(client: TestClient) -> None:
    told = client.get(address("comparison.json")).json()
    assert told["vaes"][0]["name"] == "vae.pt" and "/secret" not in json.dumps(told)
    for item in (*told["sources"], *told["cells"]):
        answer = client.get(address(item["image"]))
        assert answer.status_code == 200 and Image.open(io.BytesIO(answer.content)).size == (8, 8)


def test_it_can_be_saved_as_one_file(client: TestClient) -> None:
    assert "customElements.define" in client.get(address("comparison.html")).text
    with zipfile.ZipFile(io.BytesIO(client.get(address("comparison.zip")).content)) as archive:
        report = json.loads(archive.read("report.json"))
        assert report["cells"][0]["vae"] == "vae.pt" and report["cells"][0]["image"] in archive.namelist()
        assert report["cells"][0]["image"].endswith("/vae.png"), "its name says what it is"


def test_before_there_is_anything_a_page_is_told_nothing(client: TestClient) -> None:
    answer = client.get(address("comparison.json", "f" * 32))
    assert (answer.status_code, answer.json()) == (200, None)


@pytest.mark.parametrize(
    "path",
    [
        address("cell-s-v.png", "f" * 32),
        address("cell-s-w.png"),
        address("..%2f..%2fsecret.png"),
        address(".hidden.png"),
        address("comparison.json.png"),
        address("cell-s-v.png", ".."),
        address("cell-s-v.png", ID.upper()),
    ],
)
def test_nothing_else_can_be_had(client: TestClient, path: str) -> None:
    assert client.get(path).status_code == 404


@pytest.mark.parametrize("comparison_id", ["", "..", "../" * 3, ID + "0", ID[:-1] + "g", f"{ID}\n"])
def test_an_id_is_32_digits_and_nothing_else(comparisons: Comparisons, comparison_id: str) -> None:
    with pytest.raises(InvalidInput):
        comparisons.open(comparison_id)


def test_the_oldest_go_and_the_first_one_stays(tmp_path: Path) -> None:
    made = Comparisons(tmp_path)
    ids = [FIRST, *(f"{number:032x}" for number in range(16, 16 + KEPT))]
    for age, comparison_id in enumerate(ids):
        made.open(comparison_id)._write()
        os.utime(tmp_path / comparison_id, (1_000_000 + age, 1_000_000 + age))
    made.open("e" * 32)._write()
    left = {path.name for path in tmp_path.iterdir()}
    assert FIRST in left and ids[1] not in left and ids[-1] in left and len(left) == KEPT + 1


def test_sources_and_built_in_pictures_have_thumbnails(comparisons: Comparisons, client: TestClient) -> None:
    record = SourceRecord("a" * 12, "wide", "picture", 800, 400)
    comparisons.added(ID).add_source(record, Image.new("RGB", (800, 400), "red"))
    answer = client.get(address(f"thumbnail-{record.id}.jpg"))
    assert Image.open(io.BytesIO(answer.content)).size == (160, 80)
    assert client.get(address(f"thumbnail-{'b' * 12}.jpg")).status_code == 404
    assert client.get("/vae-workbench/built-in/colours.jpg").headers["content-type"] == "image/jpeg"
    for nothing in ("built-in/cat.jpg", "generations/0123456789ab.jpg"):
        assert client.get(f"/vae-workbench/{nothing}").status_code == 404


def test_built_in_pictures_arrive_again_and_again_where_answers_are_compressed(comparisons: Comparisons) -> None:
    """The web UI compresses answers, and the middleware writes into the headers of the one that it gets. The same response object
    was given to everybody: from the second request on it said ``gzip`` of what was none, and no browser showed the picture."""
    app = fastapi.FastAPI()
    app.add_middleware(GZipMiddleware, minimum_size=1000)
    add_comparison_route(app, comparisons)
    client = TestClient(app)
    first, second = (client.get("/vae-workbench/built-in/colours.jpg") for _ in range(2))
    assert Image.open(io.BytesIO(second.content)).size == (160, 160) and second.content == first.content


def test_two_work_on_one_comparison_one_after_the_other(comparisons: Comparisons) -> None:
    """A copy of a browser's tab has the same comparison: the VAEs that one compared were taken away by the other meanwhile, and
    its work ended with an error."""

    def cancelled(_fraction: float, _what: str) -> None:
        raise Cancelled

    with comparisons.turn(ID, silent):
        with pytest.raises(Cancelled), comparisons.turn(ID, cancelled):
            pytest.fail("it did not wait")
        with comparisons.turn(FIRST, cancelled):  # others are not waited for
            pass
    with comparisons.turn(ID, cancelled):
        pass
