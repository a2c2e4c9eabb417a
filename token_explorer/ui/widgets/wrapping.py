"""Words in lines of a given width. Pure; knows nothing of widgets."""

import re

from token_explorer.ui.widgets.flow import Flow


def wrapped(text: str, width: int) -> list[str]:
    """Safe text in lines of at most `width` cells, cut between words where that can be."""
    found = []
    for paragraph in text.split("\n"):
        flow = Flow(width)
        flow.extend([(word,) for word in re.findall(r"\S+ *", paragraph)])
        found += ["".join(text for _, text in flow.line(line)).rstrip() for line in range(len(flow))]
    return found
