"""The report as one self-contained HTML file: the built page with the data put in.

The page asks nothing of any network: its content security policy forbids every request, and its
script and style are in the file. Names in the data come from captures, hence from attackers: they
travel as JSON that cannot close its element, and the page shows them as text only.
"""

from collections.abc import Mapping
from importlib.resources import files
from typing import Any

import msgspec

_PLACE = '<script type="application/json" id="data">null</script>'


def page(data: Mapping[str, Any]) -> bytes:
    """The whole file, UTF-8."""
    template = (files("ringfence.app.report") / "assets" / "report.html").read_text("utf-8")
    before, found, after = template.partition(_PLACE)
    assert found, "the built page has no place for the data: `make web`"
    embedded = msgspec.json.encode(data, enc_hook=str).decode("utf-8")
    for character in "<>&\u2028\u2029":
        embedded = embedded.replace(character, f"\\u{ord(character):04x}")
    return f'{before}<script type="application/json" id="data">{embedded}</script>{after}'.encode()
