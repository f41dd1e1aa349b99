"""YAML that would overrun the parser's stack is refused before it is built."""

import pytest

from ringfence.errors import InputError
from ringfence.wire import safe


@pytest.mark.parametrize("opening", ["[", "{a: ", "- ", "? "])
def test_depth_without_aliases_is_refused(opening):
    """The parser in C recurses once a level and would take the process with it."""
    with pytest.raises(InputError, match="deeply"):
        list(safe.yaml_documents(opening.encode() * 200_000))


def test_many_small_flow_collections_are_read():
    """Only depth counts where nothing is repeated."""
    text = "".join(f"- {{a: [{at}]}}\n" for at in range(5000))
    [found] = safe.yaml_documents(text.encode())
    assert found[4999] == {"a": [4999]}
