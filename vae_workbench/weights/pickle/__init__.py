"""An interpreter of pickle's instructions that builds plain values only; what other rooms need is imported from here.

``state`` is what instructions work on, ``values``, ``stack`` and ``steps`` are the instructions, ``machine`` runs them.
"""

from .machine import PickleMachine
from .state import LARGEST_PICKLE, OPAQUE, Global, too_large

__all__ = ["LARGEST_PICKLE", "OPAQUE", "Global", "PickleMachine", "too_large"]
