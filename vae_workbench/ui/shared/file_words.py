"""What is known of a file, in the words of the pages."""

from __future__ import annotations

from ...choice.fit import RGB, VaeTraits, network_fault, vae_traits
from ...identity.checkpoint import FAMILIES, VARIANTS
from ...identity.evidence import SPACE_NAMES
from ...identity.verdict import Certainty, Verdict
from ...library.entry import Entry
from ...weights.pickled_code import code_in_words
from .file_table import Badge

SURE = {Certainty.CERTAIN: "certain", Certainty.LIKELY: "likely", Certainty.GUESS: "a guess"}

PICKLE: Badge = (
    "pickle",
    "warning",
    "A torch file can hold programs. Nothing in it is run here, but other tools may run it.",
)

NOT_RUN = "Nothing of it is run here, but other tools may run it. Delete the file, unless you trust where it is from."

FAULTS = {"damaged": "its VAE is damaged", "partial": "its VAE is not complete"}

CONTAINERS = {"safetensors": "safetensors", "torch-zip": "torch archive", "torch-legacy": "torch file of old form"}
NAMINGS = {"ldm": "LDM names", "diffusers": "diffusers names", "tiny": "TAESD names"}
UNITS = (("GB", 10**9), ("MB", 10**6), ("KB", 10**3))

FAMILY_NAMES = {family.name: family.what for family in FAMILIES} | {
    f"{family.name}-{variant}": f"{family.what} {purpose}"
    for family in FAMILIES
    for variant, purpose in VARIANTS.values()
}


def latent_space(verdict: Verdict) -> tuple[str, str]:
    """The latent space of a VAE, and how sure that is."""
    if verdict.latent_space is None:
        return "cannot tell", ""
    return SPACE_NAMES[verdict.latent_space], SURE.get(verdict.certainty, "")


def family(verdict: Verdict) -> str:
    """The family of a checkpoint as people call it."""
    return FAMILY_NAMES.get(verdict.architecture or "", "unknown")


def badges(entry: Entry) -> tuple[Badge, ...]:
    """What to be wary of, as far as the file itself tells."""
    verdict = entry.verdict
    found: list[Badge] = []
    if verdict.kind == "broken":
        found.append(("broken", "error", verdict.error or ""))
    if verdict.baked and verdict.baked.state in FAULTS:
        found.append(("broken VAE", "error", next((r for r in verdict.reasons if r.startswith("Its VAE is ")), "")))
    if verdict.code:
        found.append(
            (
                "holds code",
                "error",
                f"Its pickle names {code_in_words(verdict.code)}, which is more than weights need. {NOT_RUN}",
            )
        )
    elif (verdict.container or "").startswith("torch"):
        found.append(PICKLE)
    found += (("suspicious", "warning", warning) for warning in verdict.warnings)
    vae = vae_traits(entry)
    if vae and (fault := network_fault(vae)):
        found.append((_unusual(vae), "info", f"The AUTOMATIC1111 web UI cannot use it: {fault}."))
    return tuple(found)


def _unusual(vae: VaeTraits) -> str:
    """What sets a VAE apart from those that the web UI can use, in a word or two."""
    if len(vae.halves) == 1:
        return f"{vae.halves[0]} only"
    return "not RGB" if any(channels != RGB for channels in vae.image_channels) else "other network"


def baked_vae(verdict: Verdict) -> str:
    """What is baked into a checkpoint, as a phrase."""
    baked = verdict.baked
    if baked is None:
        return ""
    if baked.state == "none":
        return "holds no VAE"
    if baked.state in FAULTS:
        return FAULTS[baked.state]
    if baked.known_as:
        return f"holds {baked.known_as}"
    if verdict.copies_of:
        return f"holds the same VAE as {verdict.copies_of[0]}"
    return "holds a VAE of its own"


def weights(verdict: Verdict) -> tuple[str, ...]:
    """Precision and naming of the VAE's weights, as far as they are known."""
    return tuple(filter(None, (verdict.dtype, NAMINGS.get(verdict.names or ""))))


def file_size(size: int) -> str:
    """Bytes as people read them."""
    unit, factor = next((it for it in UNITS if size >= it[1]), ("B", 1))
    return f"{size / factor:.{int(factor > 1 and size < 10 * factor)}f} {unit}"
