"""What is offered for each file."""

from __future__ import annotations

from pathlib import Path

from tests.ui.workshop.files import bench_in
from vae_workbench.edit.recipe_json import STEPS
from vae_workbench.precision.plan import Evidence, HalfPlan, Plan, Plans, Precision
from vae_workbench.ui.workbench import Workbench
from vae_workbench.ui.workshop.files import OFFERS, files_json
from vae_workbench.ui.workshop.forms import FORMS


def offers(bench: Workbench) -> dict[str, list[str]]:
    return {str(told["name"]): told["offers"] for told in files_json(bench)}


def test_what_a_file_needs_is_offered(tmp_path: Path) -> None:
    bench = bench_in(tmp_path)
    broken = tmp_path / "vaes/broken.safetensors"
    broken.write_bytes((tmp_path / "vaes/vae.safetensors").read_bytes()[:-500])
    bench.library.scan(bench.library_folders())
    told = offers(bench)
    assert told["old.pt"] == ["convert"] and told["vae.safetensors"] == [] and told["model.safetensors"] == ["extract"]
    assert told["broken.safetensors"] == ["repair"]
    assert [file["kind"] for file in files_json(bench)] == ["vae", "vae", "vae", "checkpoint", "broken"]


def test_what_overflowed_can_be_made_safe(tmp_path: Path) -> None:
    bench = bench_in(tmp_path)
    plans = Plans(tmp_path / "plans.json")
    entry = bench.library.collection().by_name("vae.safetensors")
    assert entry and entry.verdict.sketch_id
    overflowed = HalfPlan(Precision.RESCALED, {}, evidence=(Evidence.now("decoder.mid", 1e5),))
    plans.keep(entry.verdict.sketch_id, Plan(decoder=overflowed))
    object.__setattr__(bench, "plans", plans)
    assert offers(bench)["vae.safetensors"] == ["fp16-safe"] and offers(bench)["other.safetensors"] == []


def test_every_step_has_a_form_and_its_fields_are_known() -> None:
    assert FORMS.keys() == STEPS.keys() and OFFERS.keys() <= FORMS.keys()
    made_by_the_script = {"merge": {"b", "c", "weight", "weight_c", "encoder", "decoder"}}
    for kind, form in FORMS.items():
        known = STEPS[kind].fields.keys() | made_by_the_script.get(kind, set())
        assert {field.name for field in form.fields} <= known
