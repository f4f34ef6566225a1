"""What stands beside the package in a copy of the repository: the pages' scripts and style, languages, demo VAEs.

``pip install .`` puts what the terminal needs of it inside the package (``[tool.hatch…force-include]`` in pyproject.toml).
"""

from __future__ import annotations

from pathlib import Path

_INSTALLED = Path(__file__).resolve().parent / "beside"
BESIDE = _INSTALLED if _INSTALLED.is_dir() else _INSTALLED.parents[1]
"""The folder that holds ``javascript/``, ``style.css`` and ``localizations/``; in a checkout ``demo/`` too."""
