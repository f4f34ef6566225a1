"""sha256 of files, remembered by a title that the caller makes up; a file that is not newer counts as the same."""

import hashlib
import os

from modules import shared
from modules.cache import cache


def sha256_from_cache(filename, title, use_addnet_hash=False):
    hashes = cache("hashes")
    return hashes[title]["sha256"] if title in hashes else None


def sha256(filename, title, use_addnet_hash=False):
    hashes = cache("hashes")
    known = hashes.get(title)
    if known and os.path.getmtime(filename) <= known["mtime"]:
        return known["sha256"]
    if shared.cmd_opts.no_hashing:
        return None
    with open(filename, "rb") as file:
        value = hashlib.sha256(file.read()).hexdigest()
    hashes[title] = {"mtime": os.path.getmtime(filename), "sha256": value}
    return value
