"""What anybody may name cannot stop an answer."""

from ringfence.app.questions import Questions
from ringfence.estate.estate import estate_of
from ringfence.estate.facts import Fact


def test_a_jewel_whose_name_holds_a_hash_is_a_jewel_like_any_other() -> None:
    """Whoever names a dataset would keep everybody else from an audit."""
    name = "model:a#b"
    facts = [Fact(name, "readable_by", "identity:alice"), Fact("identity:alice", "may_login", "host:h")]
    asked = Questions(estate_of(facts))
    assert [asked.text(at) for at in asked.jewel_positions.tolist()] in ([f"{name}#read"], [])
    assert asked.default_footholds() is not None
