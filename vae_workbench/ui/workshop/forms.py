"""What a person can tell of each step, as ``javascript/vae_workbench_workshop.js`` draws it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any, Literal

from ...edit.recipe_json import MATCHED_ON
from ...lazy_dataclass import dataclass

Choices = Sequence[tuple[str, str]]
"""Value, and what it is called."""


@dataclass(frozen=True)
class Field:
    """A field of a step.

    Attributes:
        name: as :data:`...edit.recipe_json.STEPS` has it, but for those that the script makes others from.
        kind: how it is drawn. A ``share`` is a slider that may be left unset.
        label: its name for people.
        value: what it is at first; it is only told when it is something else.
        choices: of a ``choice``.
        low, high, step: of a slider.
        info: a sentence.
        needs: the field without which this one is not drawn.
    """

    name: str
    kind: Literal["choice", "flag", "slider", "share", "vae", "checkpoint", "pictures", "text"]
    label: str
    value: Any = ""
    choices: Choices = ()
    low: float = 0
    high: float = 1
    step: float = 0.01
    info: str = ""
    needs: str = ""


@dataclass(frozen=True)
class Form:
    """A step.

    Attributes:
        title: what it does, in a word or two.
        info: what it does, in a sentence.
        fields: in the order to show.
    """

    title: str
    info: str
    fields: Sequence[Field] = ()


DTYPES: Choices = (("", "as it is"), ("fp32", "fp32"), ("fp16", "fp16"), ("bf16", "bf16"))
DECODER_ONLY = Field(
    "decoder_only",
    "flag",
    "Decoder only",
    False,
    info="Otherwise the encoder takes the change back, so that img2img and hires keep their colours.",
)

FORMS: Mapping[str, Form] = {
    "repair": Form("Repair", "Names, prefixes, metadata and gaps put right; what cannot be repaired is said."),
    "extract": Form("Extract", "The VAE inside a checkpoint, alone."),
    "merge": Form(
        "Merge",
        "With one or two other VAEs of the same latent space.",
        (
            Field("b", "vae", "With"),
            Field("weight", "slider", "Its share", 0.5),
            Field("c", "vae", "And with"),
            Field("weight_c", "slider", "Share of that one", 0.0, needs="c"),
            Field(
                "method",
                "choice",
                "Method",
                "weighted",
                (("weighted", "weighted sum"), ("add-difference", "add the difference of the two")),
                needs="c",
            ),
            Field("encoder", "share", "Share in the encoder"),
            Field("decoder", "share", "Share in the decoder"),
            Field("blocks", "text", "Shares in single blocks", info="decoder.up.3=0.5, encoder.mid=0.2"),
        ),
    ),
    "tone": Form(
        "Tone",
        "Colours of everything that it decodes, changed exactly, in its last layer.",
        (
            Field("brightness", "slider", "Brightness", 0.0, (), -0.5, 0.5),
            Field("contrast", "slider", "Contrast", 1.0, (), 0.5, 1.5),
            Field("saturation", "slider", "Saturation", 1.0, (), 0.0, 2.0),
            Field("temperature", "slider", "Temperature", 0.0, (), -1.0, 1.0),
            Field("tint", "slider", "Tint", 0.0, (), -1.0, 1.0),
            Field("hue", "slider", "Hue", 0.0, (), -180.0, 180.0, 1.0),
            Field("gamma", "slider", "Gamma", 1.0, (), 0.5, 2.0),
            Field("matrix", "text", "Matrix", info="9 numbers, row by row; 12 with what is added"),
            DECODER_ONLY,
            Field("undo", "flag", "Undo", False, info="Back to the VAE before it was toned here."),
        ),
    ),
    "match": Form(
        "Match",
        "Toned so that its pictures have the colours of another VAE's.",
        (
            Field("like", "vae", "Like"),
            Field(
                "pictures",
                "pictures",
                "Pictures to find it on",
                MATCHED_ON,
                info="Several are better: each is left out once to measure what is left. Your own ones come from Compare.",
            ),
            DECODER_ONLY,
        ),
    ),
    "fp16-safe": Form("fp16-safe", "Rescaled so that nothing overflows in fp16, in any program."),
    "convert": Form(
        "Convert",
        "Names of tensors and precision. What is written is .safetensors in any case.",
        (
            Field("dtype", "choice", "Precision", "", DTYPES),
            Field("names", "choice", "Names", "", (("", "as they are"), ("ldm", "LDM"), ("diffusers", "diffusers"))),
            Field("allow_loss", "flag", "Allow loss", False, info="Values that do not fit are clamped and counted."),
        ),
    ),
    "bake": Form(
        "Bake",
        "Into a copy of a checkpoint, with every other byte as it was.",
        (Field("into", "checkpoint", "Into"), Field("dtype", "choice", "Precision", "", DTYPES)),
    ),
}


def forms_json() -> Mapping[str, Any]:
    """The forms as JSON has them."""
    return {kind: asdict(form) for kind, form in FORMS.items()}
