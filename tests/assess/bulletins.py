"""An estate held against a folder of bulletins."""

from pathlib import Path

from ringfence.app.assess.advisories import ask, enriched
from ringfence.estate.estate import Estate


def held_against(estate: Estate, folder: Path) -> Estate:
    """With what they say of it."""
    return enriched(estate, ask(estate, folder))
