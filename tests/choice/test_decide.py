"""Which VAE a checkpoint gets, and why."""

from __future__ import annotations

import json
from dataclasses import dataclass, field, replace
from itertools import combinations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.choice.files import MODELS, C, broken, checkpoint, library, vae
from vae_workbench.choice.decide import Choice, Source, decide, to_json
from vae_workbench.choice.fit import misfit, vae_traits
from vae_workbench.choice.preferences import OWN, Override, Preferences, PreferredVae, Rule
from vae_workbench.identity.verdict import Baked
from vae_workbench.library.entry import Entry

ORDER = ("command line", "setting", "override", "pattern", "default", "beside", "folder")
"""The places that can name a file, first to last, when the top bar comes first."""

STATES = (
    "good",
    "unsure",
    "own",
    "other space",
    "wrong network",
    "doubtful",
    "broken",
    "missing",
    "checkpoint",
    "empty",
)
"""What a place can name; the last is a checkpoint without a VAE."""

USABLE = {"good", "unsure", "checkpoint"}


def named(place: str, state: str) -> Entry | None:
    """The file that a place names, in the library if there is one."""
    name, folder = f"{place}, {state}.pt", "/models/VAE"
    if place in ("beside", "folder"):
        name, folder = ("AOM3.vae.pt", MODELS) if place == "beside" else ("AOM3.pt", "/models/VAE")
    files = {
        "good": vae(name, folder=folder),
        "unsure": vae(name, None, folder=folder),
        "other space": vae(name, "sdxl", folder=folder),
        "wrong network": vae(name, architecture="taesd", folder=folder),
        "doubtful": vae(name, "sdxl", C.LIKELY, folder=folder),
        "broken": broken(name, folder),
        "checkpoint": checkpoint(name, folder=folder),
        "empty": checkpoint(name, baked="none", folder=folder),
    }
    return files.get(state)


@dataclass(frozen=True)
class Case:
    """What each place names, by its state; whether the checkpoint has a VAE; and what else is there."""

    places: dict[str, str] = field(default_factory=dict)
    own: str = "complete"
    setting_overrides: bool = True
    more: tuple[Entry, ...] = ()
    force: bool = False
    refused: dict[str, str] = field(default_factory=dict)
    space: str | None = "sd1"

    @property
    def model(self) -> Entry:
        return checkpoint(baked=self.own, space=self.space)

    def file(self, place: str) -> Entry | None:
        return named(place, self.places[place]) if place in self.places else None

    def called(self, place: str) -> str:
        return OWN if self.places[place] == "own" else f"{place}, {self.places[place]}.pt"

    def decide(self) -> Choice:
        present = [file for file in map(self.file, self.places) if file]
        prefer = {place: PreferredVae(self.called(place)) for place in self.places}
        preferences = Preferences(
            {self.model.fingerprint: Override("AOM3", prefer["override"])} if "override" in prefer else {},
            (Rule("aom*", prefer["pattern"]),) if "pattern" in prefer else (),
            {"sd1": prefer["default"]} if "default" in prefer else {},
        )
        return decide(
            self.model,
            self.called("setting") if "setting" in prefer else "Automatic",
            preferences,
            library(self.model, *present, *self.more),
            f"/models/VAE/{self.called('command line')}" if "command line" in prefer else None,
            setting_overrides=self.setting_overrides,
            force=self.force,
            refused=self.refused,
        )

    def order(self) -> tuple[str, ...]:
        if self.setting_overrides:
            return ORDER
        return (*(place for place in ORDER if place != "setting"), "setting")

    def expected(self) -> tuple[str, Entry | None]:
        """The place that decides, and its file: the first of which the file can be used, or that wants a VAE there is."""
        for place in self.order():
            state = self.places.get(place)
            if state in USABLE or (state == "own" and self.own == "complete"):
                return ("beside" if place == "folder" else place), self.file(place)
        if self.own == "complete":
            return "own", None
        matches = [entry for entry in map(self.file, self.places) if entry and entry.verdict.kind == "vae"]
        fitting = [entry for entry in matches if entry.verdict.architecture == "kl-f8"]
        return ("best match" if any(e.verdict.latent_space == "sd1" for e in fitting) else "nothing"), None


def states_for(place: str) -> tuple[str, ...]:
    if place == "command line":
        return tuple(state for state in STATES if state != "own")
    if place in ("beside", "folder"):
        return tuple(state for state in STATES if state not in ("own", "missing", "checkpoint", "empty"))
    return STATES


SINGLE = [(place, state) for place in ORDER for state in states_for(place)]
PAIRS = [
    ((one, first), (other, second))
    for one, other in combinations(ORDER, 2)
    for first in states_for(one)
    for second in states_for(other)
]


def check(case: Case) -> None:
    """The truth table in one rule: the first place that names something usable decides."""
    choice = case.decide()
    source, file = case.expected()
    assert (choice.source.value, choice.vae) == (source, file), choice
    taken = [step for step in choice.steps if step.taken]
    assert [step.source for step in taken] == [choice.source]
    passed = [step for step in choice.steps if step.found and step.why.startswith("It cannot be used")]
    assert len(choice.warnings) >= len(passed)
    for step in passed:
        assert any(step.why.removeprefix("It cannot be used: ") in warning for warning in choice.warnings)


@pytest.mark.parametrize("setting_overrides", [True, False])
@pytest.mark.parametrize(("place", "state"), SINGLE)
def test_each_place_alone(place: str, state: str, setting_overrides: bool) -> None:
    check(Case({place: state}, setting_overrides=setting_overrides))


@pytest.mark.parametrize("setting_overrides", [True, False])
@pytest.mark.parametrize(("one", "other"), combinations(ORDER, 2))
def test_every_two_places(one: str, other: str, setting_overrides: bool) -> None:
    for (a, first), (b, second) in PAIRS:
        if (a, b) == (one, other):
            check(Case({one: first, other: second}, setting_overrides=setting_overrides))


cases = st.builds(
    Case,
    st.fixed_dictionaries({}, optional={place: st.sampled_from(states_for(place)) for place in ORDER}),
    st.sampled_from(["complete", "none", "partial", "damaged"]),
    st.booleans(),
)


@settings(deadline=None)
@given(cases.filter(lambda case: case.expected()[0] != "best match" and case.expected()[0] != "nothing"))
def test_all_places_together(case: Case) -> None:
    check(case)


@settings(deadline=None)
@given(cases, st.booleans(), st.sampled_from(["sd1", "sdxl", None]))
def test_whatever_happens_it_fits_and_says_why(case: Case, force: bool, space: str | None) -> None:
    case = replace(case, force=force, space=space)
    choice = case.decide()
    assert choice.reason and all(step.why for step in choice.steps)
    if choice.vae:
        held = vae_traits(choice.vae)
        assert held, "a missing or broken VAE was chosen"
        fault = misfit(case.model, held)
        assert fault is None or (force and not fault.certain and choice.warnings)
    elif choice.source is not Source.NOTHING:
        assert case.own == "complete", "the checkpoint has no VAE"
    if case.own != "complete" and choice.source in (Source.BEST_MATCH, Source.NOTHING):
        assert choice.warnings, "silently"
    assert case.decide() == choice


@settings(deadline=None)
@given(cases)
def test_a_file_that_turned_out_bad_is_never_chosen_again(case: Case) -> None:
    seen: dict[str, str] = {}
    for _ in range(len(ORDER) + 2):
        choice = replace(case, refused=seen).decide()
        if choice.source is Source.NOTHING:
            break
        path = choice.vae.path if choice.vae else case.model.path
        assert path not in seen
        seen[path] = "it has other shapes"
    else:
        pytest.fail("it never ends")
    assert sum("it has other shapes" in warning for warning in choice.warnings) >= len(seen) - 1


@pytest.mark.parametrize(
    ("case", "reason", "warnings"),
    [
        (Case(), "the checkpoint's own", []),
        (Case({"override": "good"}), "override for AOM3", []),
        (Case({"setting": "good", "override": "good"}), "chosen in the top bar", []),
        (
            Case({"setting": "good", "override": "good"}, setting_overrides=False),
            "override for AOM3",
            ["The top bar says setting, good.pt, but this comes first: override for AOM3."],
        ),
        (Case({"pattern": "good"}), "rule for aom*", []),
        (Case({"default": "good"}), "default for SD1 and SD2", []),
        (Case({"beside": "good", "folder": "good"}), "beside the checkpoint", []),
        (Case({"folder": "good"}), "named like the checkpoint", []),
        (
            Case({"command line": "good", "setting": "good"}),
            "given by --vae-path",
            ["The top bar says setting, good.pt, but this comes first: given by --vae-path."],
        ),
        (
            Case({"setting": "other space"}),
            "the checkpoint's own",
            [
                "setting, other space.pt (chosen in the top bar) is not used: it is for SDXL, and AOM3 is for SD1 and SD2.",
            ],
        ),
        (
            Case({"setting": "doubtful"}),
            "the checkpoint's own",
            [
                "setting, doubtful.pt (chosen in the top bar) is not used: it is probably for SDXL, and AOM3 is for SD1 "
                "and SD2; confirm it if you want it all the same."
            ],
        ),
        (
            Case({"setting": "doubtful"}, force=True),
            "chosen in the top bar",
            ["setting, doubtful.pt was confirmed, although it is probably for SDXL, and AOM3 is for SD1 and SD2."],
        ),
        (
            Case({"override": "missing"}),
            "the checkpoint's own",
            ["override, missing.pt (override for AOM3) is not used: there is no such file."],
        ),
        (
            Case({"beside": "broken"}),
            "the checkpoint's own",
            ["AOM3.vae.pt (beside the checkpoint) is not used: 3 tensors are missing."],
        ),
        (
            Case(own="partial", more=(vae("mse.pt"),)),
            "the best match for AOM3, which has no VAE that can be used",
            ["AOM3's own VAE cannot be used: AOM3 holds an incomplete VAE."],
        ),
        (
            Case({"setting": "own"}, own="none", more=(vae("mse.pt"),)),
            "the best match for AOM3, which has no VAE that can be used",
            [
                "AOM3's own VAE (chosen in the top bar) is not used: AOM3 holds no VAE.",
            ],
        ),
    ],
)
def test_in_plain_words(case: Case, reason: str, warnings: list[str]) -> None:
    choice = case.decide()
    assert (choice.reason, list(choice.warnings)) == (reason, warnings)


def test_no_vae_anywhere() -> None:
    choice = Case(own="none").decide()
    assert (choice.source, choice.vae) == (Source.NOTHING, None)
    assert "put one for SD1 and SD2 into the folder of VAEs" in choice.warnings[-1]


@pytest.mark.parametrize("setting", ["Automatic", "auto", ""])
def test_automatic(setting: str) -> None:
    model = checkpoint()
    assert decide(model, setting, Preferences(), library(model)).source is Source.OWN


def test_every_place_is_told_of() -> None:
    steps = Case({"override": "good", "beside": "good"}).decide().steps
    assert [(step.source.value, step.found, step.taken) for step in steps] == [
        ("command line", None, False),
        ("setting", None, False),
        ("override", "override, good.pt", True),
        ("pattern", None, False),
        ("default", None, False),
        ("beside", "AOM3.vae.pt", False),
        ("own", "AOM3's own VAE", False),
    ]


def test_the_best_match_is_sure_then_known_then_precise() -> None:
    ranked = [
        vae("known.pt", known_as="ft-mse"),
        vae("a.pt"),
        vae("half.pt", dtype="fp16"),
        vae("a stock one.pt", known_as="stable-diffusion-v1-5 vae"),
        vae("likely.pt", certainty=C.LIKELY),
        vae("unknown.pt", None),
    ]
    refused: dict[str, str] = {}
    for best in ranked:
        choice = Case(own="damaged", more=tuple(reversed(ranked)), refused=refused).decide()
        assert choice.vae == best and choice.source is Source.BEST_MATCH
        refused[best.path] = "it is damaged"


def test_the_default_serves_a_checkpoint_without_a_vae() -> None:
    choice = Case({"setting": "own", "default": "good"}, own="none").decide()
    assert choice.source is Source.DEFAULT and "AOM3 holds no VAE" in choice.warnings[0]


def test_a_checkpoint_that_cannot_be_read_keeps_its_own_with_a_warning() -> None:
    model = replace(checkpoint(), verdict=replace(checkpoint().verdict, kind="other", baked=None, latent_space=None))
    choice = decide(model, "Automatic", Preferences(), library(model))
    assert choice.source is Source.OWN and "cannot be told" in choice.warnings[0]


def test_a_name_that_two_files_have_is_not_guessed() -> None:
    """The host hides one of them (D18)."""
    files = [replace(vae("vae.pt", folder=f"/models/VAE/{name}"), name=f"{name}/vae.pt") for name in "ab"]
    model = checkpoint()
    choice = decide(model, "vae.pt", Preferences(), library(model, *files))
    assert choice.source is Source.OWN and "several files are called so (a/vae.pt, b/vae.pt)" in choice.warnings[0]
    assert decide(model, "b/vae.pt", Preferences(), library(model, *files)).vae == files[1]


def test_a_renamed_vae_is_found_by_its_weights() -> None:
    model, renamed = checkpoint(), vae("new name.pt", sketch_id="weights")
    impostor = vae("orangemix.pt", sketch_id="other weights")
    preferences = Preferences().with_overrides([model], PreferredVae("orangemix.pt", "weights"), ())
    assert decide(model, "Automatic", preferences, library(model, renamed, impostor)).vae == renamed
    twin = replace(model, verdict=replace(model.verdict, baked=Baked("complete", None, "weights", "kl-f8")))
    converted = vae("orangemix.pt", sketch_id="rounded weights")
    assert decide(model, "Automatic", preferences, library(model, twin, converted)).vae == converted
    assert decide(model, "Automatic", preferences, library(model, twin)).vae == twin, (
        "the file is gone, but not its weights"
    )


def test_a_confirmed_preference_stays_confirmed() -> None:
    model, doubtful = checkpoint(), vae("x.pt", "sdxl", C.GUESS)
    plain, forced = (
        Preferences().with_overrides([model], PreferredVae.of(doubtful, force=f), ()) for f in (False, True)
    )
    assert decide(model, "Automatic", plain, library(model, doubtful)).source is Source.OWN
    choice = decide(model, "Automatic", forced, library(model, doubtful))
    assert choice.vae == doubtful and "it is by its name for SDXL" in choice.warnings[0]


def test_the_command_line_may_name_a_file_outside_the_library() -> None:
    model, outside = checkpoint(), vae("outside.pt", folder="/elsewhere")
    assert decide(model, "Automatic", Preferences(), library(model), outside).vae == outside


@pytest.mark.parametrize(
    ("name", "folder", "found"),
    [
        ("model.vae.pt", MODELS, True),
        ("model.vae.safetensors", MODELS, True),
        ("model.vae.ckpt", MODELS, True),
        ("model.vae.sft", MODELS, True),
        ("model.sft", "/models/VAE", True),
        ("model.pt", MODELS, False),
        ("model.pt", "/models/VAE", True),
        ("model.vae.pt", "/models/VAE/deep", True),
        ("model-v2.vae.pt", MODELS, False),
        ("model-v2.pt", "/models/VAE", False),
        ("mode.vae.pt", MODELS, False),
        ("model.vae.pt", f"{MODELS}/other", False),
    ],
)
def test_only_the_exact_stem_counts(name: str, folder: str, found: bool) -> None:
    """The host takes any file whose name begins like the checkpoint's, from any folder (D19)."""
    model, namesake = checkpoint("model.safetensors"), checkpoint("model.ckpt", folder=f"{MODELS}/other")
    choice = decide(model, "Automatic", Preferences(), library(model, namesake, vae(name, folder=folder)))
    assert (choice.source is Source.BESIDE) == found


def test_sd1_and_sdxl_never_get_each_others_default() -> None:
    files = [vae("one.pt", "sd1"), vae("xl.pt", "sdxl")]
    models = [checkpoint("a.safetensors", "sd1"), checkpoint("b.safetensors", "sdxl")]
    preferences = Preferences()
    for file in files:
        preferences = preferences.with_default(file.verdict.latent_space or "", PreferredVae.of(file))
    for model, file in zip(models, files, strict=True):
        assert decide(model, "Automatic", preferences, library(*models, *files)).vae == file


@pytest.mark.parametrize(
    "asked", ["orange.vae.pt", "orange", "ORANGE.vae.pt", r"latin-\xe9.pt", "latin-\udce9.pt", r"latin-\xe9"]
)
def test_a_name_is_matched_alike_wherever_it_stands(asked: str) -> None:
    """A name without its extension was unknown in one place and known in another."""
    model = checkpoint()
    raw = vae("latin-\udce9.pt")
    shelf = library(model, vae("orange.vae.pt"), replace(raw, name=r"latin-\xe9.pt"))
    wanted = PreferredVae(asked)
    by_preference = (
        Preferences().with_overrides([model], wanted, ()),
        Preferences().with_default("sd1", wanted),
        Preferences().with_rules([Rule("*", wanted)]),
    )
    found = [
        decide(model, asked, Preferences(), shelf),
        *(decide(model, "Automatic", it, shelf) for it in by_preference),
    ]
    assert all(choice.vae and choice.vae.name.startswith(asked.casefold()[:5]) for choice in found), found


def test_a_name_that_is_missing_is_told_as_it_can_be_shown() -> None:
    model = checkpoint()
    for choice in (
        decide(model, "no\udce9.pt", Preferences(), library(model)),
        decide(model, "Automatic", Preferences(), library(model), "/no\udce9.pt"),
    ):
        assert r"no\xe9.pt" in choice.warnings[0] and json.dumps(to_json(choice), ensure_ascii=False).encode()


def test_what_is_suspicious_about_the_file_in_use_is_told() -> None:
    """A VAE that was downloaded in part was used without a word."""
    model, partly = checkpoint(), vae("partly.pt", warnings=("Its second half is zeros.",))
    told = decide(model, "partly.pt", Preferences(), library(model, partly)).warnings
    assert told == ("partly.pt: Its second half is zeros.",)
    assert decide(model, "Automatic", Preferences(), library(model, partly)).warnings == ()
