"""The web UI's list of VAE files: sorted, each file under a name of its own, and a file beside a checkpoint found exactly."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from modules import sd_models, sd_vae, shared

from ..library.naming import distinct_names

ENDINGS = (".safetensors", ".ckpt", ".pt")
MARK = ".vae"
"""What the name of a VAE file has before its ending, in a folder of checkpoints."""


def refresh(original: object) -> None:
    """Looks at the folders again; in place of ``sd_vae.refresh_vae_list``, which is called first as others may extend it.

    Where several files have one name, each is listed with as many of its folders in front as it takes to tell them apart.
    """
    assert callable(original)
    original()
    files = list(dict.fromkeys(map(os.path.abspath, (*sd_vae.vae_dict.values(), *_found()))))
    named = dict(zip(distinct_names(files), files, strict=True))
    in_order = sorted(named, key=shared.natural_sort_key)
    listed = {name: named[name] for name in in_order}
    sd_vae.vae_dict.clear()
    sd_vae.vae_dict.update(listed)


def find(name: str) -> str | None:
    """The file that a person means by a name: one of the list, or the plain name of a file in it.

    If there is none, the folders are looked at again.
    """
    path = _find(name)
    if path is None:
        sd_vae.refresh_vae_list()
        path = _find(name)
    return path


def name_of(path: str) -> str:
    """The name under which a file is listed; its own name if it is not."""
    plain = os.path.abspath(path)  # noqa: PTH100  # resolve() would follow links
    return next((name for name, listed in sd_vae.vae_dict.items() if listed in (path, plain)), Path(path).name)


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


def _find(name: str) -> str | None:
    listed = dict(sd_vae.vae_dict)
    plain = (path for path in listed.values() if Path(path).name == name)
    path = listed.get(name) or next(plain, None)
    return path if path and Path(path).is_file() else None


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
                    yield os.path.join(where, file)  # noqa: PTH118
