"""What axe-core finds on a page that keeps people from using it: names of controls, roles, contrast."""

from __future__ import annotations

from importlib.resources import files
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from playwright.sync_api import Page

RUN = """async (place) => {
    const {violations} = await axe.run(place, {resultTypes: ["violations"]});
    const places = (nodes) => nodes.map(({target}) => target.join(" ")).slice(0, 3).join(", ");
    return violations.map(({id, help, nodes}) => `${id}: ${help}: ${places(nodes)}`);
}"""


def violations(page: Page, place: str) -> list[str]:
    """Each in a line, with the places where it was found.

    Args:
        page: an open page.
        place: CSS selector of the part that is looked at.
    """
    if not page.evaluate("typeof axe === 'object'"):
        page.evaluate((files("axe_playwright_python") / "axe.min.js").read_text(encoding="utf-8"))
    found: Any = page.evaluate(RUN, place)
    return list(found)
