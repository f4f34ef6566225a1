"""The web UI's list of VAE files: sorted, each file under a name of its own, and a file beside a checkpoint found exactly."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from modules import sd_models, sd_vae, shared

from ...errors import InvalidInput
from ...library.naming import NameIndex, distinct_names
from ...printable import printable
from ..log import logger
from ..patching import described

ENDINGS = (".safetensors", ".sft", ".ckpt", ".pt")
MARK = ".vae"
"""What the name of a VAE file has before its ending, in a folder of checkpoints."""


def refresh(original: object) -> None:
    """Looks at the folders again; in place of ``sd_vae.refresh_vae_list``, which is called first as others may extend it.

    Where several files have one name, each is listed with as many of its folders in front as it takes to tell them apart.
    Names that are not UTF-8 are listed with escapes, as no page and no answer of the API could hold them.
    """
    assert callable(original)
    original()
    try:
        files = list(dict.fromkeys(map(os.path.abspath, (*sd_vae.vae_dict.values(), *_found()))))
        named = dict(zip(distinct_names(files), files, strict=True))
        listed = {name: named[name] for name in sorted(named, key=shared.natural_sort_key)}
    except Exception as error:  # noqa: BLE001  # the web UI's own list serves as well
        logger.warning("The list of VAEs is the web UI's own: %s.", described(error))
        return
    sd_vae.vae_dict.clear()
    sd_vae.vae_dict.update(listed)


def find(name: str) -> str | None:
    """The file that a person means by a name; ``None`` if there is none, or if several may be meant.

    That of the list comes first, then that of the file alone; then both without the ending, and in whatever case, if only one
    file is called so. If there is none, the folders are looked at again.
    """
    found = _meant(name)
    if not found and look_again():
        found = _meant(name)
    return found[0] if len(found) == 1 else None


def file_called(name: str) -> str:
    """The same, for where there has to be one.

    Raises:
        InvalidInput: there is none, or several may be meant.
    """
    path = find(name)
    if path is None:
        several = [name_of(meant) for meant in _meant(name)]
        what = f"Several VAEs are called {name!r}: {' or '.join(several)}" if several else f"There is no VAE {name!r}"
        raise InvalidInput(what, "Write it as it is in the list" + ("" if several else ", or refresh the list"))
    return path


def look_again() -> bool:
    """Looks at the folders once more, for a file that was copied there a moment ago; whether there is one.

    Called before it is said that there is no such file.
    """
    if {os.path.abspath(path) for path in _found()} <= set(sd_vae.vae_dict.values()):  # noqa: PTH100
        return False
    sd_vae.refresh_vae_list()
    return True


def name_of(path: str) -> str:
    """The name under which a file is listed; its own name if it is not."""
    plain = os.path.abspath(path)  # noqa: PTH100  # resolve() would follow links
    named = (name for name, listed in list(sd_vae.vae_dict.items()) if listed in (path, plain))
    return next(named, None) or printable(Path(path).name)


def beside(checkpoint: str) -> str | None:
    """The VAE file that belongs to a checkpoint by its name, which is exactly that of the checkpoint but for the ending.

    One in the checkpoint's folder is preferred to one elsewhere.
    """
    wanted, folder = Path(checkpoint).stem, Path(checkpoint).parent
    same = [path for path in list(sd_vae.vae_dict.values()) if stem(path) == wanted and not _same(path, checkpoint)]
    return min(same, key=lambda path: Path(path).parent != folder, default=None)


def stem(path: str) -> str:
    """The name of a VAE file without its ending: ``model`` of ``model.vae.pt``."""
    name = Path(path).name
    ending = next((ending for ending in ENDINGS if name.lower().endswith(ending)), "")
    plain = name[: len(name) - len(ending)]
    return plain[: -len(MARK)] if plain.lower().endswith(MARK) else plain


def _meant(name: str) -> tuple[str, ...]:
    """The files that may be meant, one if it is clear which."""
    exact = sd_vae.vae_dict.get(name)
    if exact and Path(exact).is_file():
        return (exact,)
    listed = [(shown, path) for shown, path in list(sd_vae.vae_dict.items()) if Path(path).is_file()]
    files = [(Path(path).name, path) for _, path in listed]
    plain = [path for file, path in files if name in (file, printable(file))]
    # A setting from before a second file of that name came is still understood.
    return tuple(plain[:1]) or NameIndex((*listed, *files)).find(name)


def _same(path: str, other: str) -> bool:
    return os.path.abspath(path) == os.path.abspath(other)  # noqa: PTH100


def _found() -> Iterator[str]:
    """All VAE files below the web UI's folders."""
    for folder, marked in (
        (sd_models.model_path, True),
        (sd_vae.vae_path, False),
        (shared.cmd_opts.ckpt_dir, True),
        (shared.cmd_opts.vae_dir, False),
    ):
        for where, _folders, files in os.walk(folder or "", followlinks=True):
            for file in files:
                lowered = file.lower()
                if lowered.endswith(tuple(MARK + ending for ending in ENDINGS) if marked else ENDINGS):
                    yield os.path.join(where, file)  # noqa: PTH118  # resolve() would follow links
