"""What the user noted about a file, in the .json beside it."""

import json
import os

from modules import errors


def get_user_metadata(filename, lister=None):
    if filename is None:
        return {}
    beside = os.path.splitext(filename)[0] + ".json"
    try:
        if os.path.exists(beside):
            with open(beside, encoding="utf8") as file:
                return json.load(file)
    except Exception as e:  # noqa: BLE001
        errors.display(e, f"reading extra network user metadata from {beside}")
    return {}
