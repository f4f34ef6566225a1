"""One measured figure and its goal."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Figure:
    """A figure that is better the smaller it is.

    Attributes:
        name: what was measured, beside what.
        value: the measurement, in ``unit``.
        goal: what it must not exceed.
        unit: ``×`` for a ratio, ``ms``, ``MB``.
        note: what a reader should know, such as the absolute times behind a ratio.
    """

    name: str
    value: float
    goal: float
    unit: str
    note: str = ""

    @property
    def holds(self) -> bool:
        """Whether the goal is met."""
        return self.value <= self.goal

    def row(self) -> str:
        """The figure as a row of a Markdown table."""
        mark = "" if self.holds else " **missed**"
        return f"| {self.name} | {self.value:.3g} {self.unit}{mark} | ≤ {self.goal:g} {self.unit} | {self.note} |"
