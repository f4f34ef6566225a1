"""LPIPS, where the optional package is installed: how far apart two pictures are for a network that sees (Zhang et al. 2018)."""

from __future__ import annotations

import importlib.util
import warnings
from typing import Any

import torch
from torch import Tensor

from ...errors import InvalidInput

HOW = "Install it with: pip install lpips torchvision"


def is_installed() -> bool:
    """Whether LPIPS can be measured, as far as that can be told without loading it."""
    return all(importlib.util.find_spec(name) is not None for name in ("lpips", "torchvision"))


class Lpips:
    """LPIPS 0.1 with AlexNet, as VAEs are published with. Its weights are downloaded by torchvision when they are first used.

    Args:
        device: where it runs.

    Raises:
        InvalidInput: it is not installed, does not fit the rest, or its weights cannot be had.
    """

    def __init__(self, device: torch.device) -> None:
        try:
            import lpips

            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # torchvision's way of naming weights has changed
                self._network: Any = lpips.LPIPS(net="alex", verbose=False).eval().to(device)
        except ImportError as error:
            raise InvalidInput("LPIPS is not installed", HOW) from error
        except RuntimeError as error:
            raise InvalidInput(
                f"LPIPS cannot be loaded ({str(error).splitlines()[0]})",
                "Install the torchvision that belongs to your torch",
            ) from error
        except OSError as error:
            raise InvalidInput(f"The weights of LPIPS cannot be had ({error})", "Check the connection") from error
        self._device = device

    def distances(self, originals: Tensor, results: Tensor) -> list[float]:
        """Of each two pictures; both B×3×H×W in 0..1."""
        with torch.inference_mode():
            pairs = [values.to(self._device, torch.float32) * 2 - 1 for values in (originals, results)]
            return [float(value) for value in self._network(*pairs).flatten().cpu()]
