"""What a plan may count on: the enforcers of the site file, and all that could be where none is."""

from ringfence.app.guard.known import known_of
from ringfence.app.guard.responder import Responder
from ringfence.app.guard.room import ON_CLUSTERS, ON_FABRICS, ON_HOSTS, TARGETS, Room, assumed, everywhere, plannable
from ringfence.estate.estate import estate_of
from ringfence.estate.facts import Fact
from ringfence.respond.limits import Limits
from tests.respond.guarded import incident, signal

ESTATE = estate_of(
    [
        Fact("host:a", "in_cluster", "cluster:lab", observed_at=1000.0),
        Fact("host:a", "attached_to", "network:ib/lab", observed_at=1000.0),
        Fact("host:a", "attached_to", "network:eth", observed_at=1000.0),
    ]
)


def test_without_a_site_file_enforcers_are_taken_to_be_wherever_one_can_be(tmp_path):
    """And it is said."""
    found = plannable(tmp_path / "fence.toml", ESTATE)
    assert found == everywhere(ESTATE)
    assert {place for _, place in found} == {"host:a", "cluster:lab", "network:ib/lab"}
    assert {target for target, _ in found} == {*ON_HOSTS, *ON_FABRICS, *ON_CLUSTERS} == TARGETS
    assert "planned as if" in assumed(tmp_path / "fence.toml")


def test_with_one_it_says_where_they_are(tmp_path):
    """And nothing is supposed beside it."""
    site = tmp_path / "fence.toml"
    site.write_text('[[enforcer]]\ntarget = "contain"\nwhere = "*"\norders = "server"\n')
    assert set(plannable(site, ESTATE)) == {("contain", "host:a")}
    assert assumed(site) == ""


def test_what_is_over_is_judged_by_the_age_that_the_estate_had_then(tmp_path):
    """Else all that was recorded would be held because the estate is out of date."""
    known = known_of(ESTATE, everywhere(ESTATE), Limits(), digest="a")
    responder = Responder(Room(tmp_path), lambda: known, apply=True)
    about = incident(signal("host:a"))
    then, now = responder.think(about, now=1060.0), responder.think(about)
    assert (then.plan.age, now.plan.age > 86_400) == (60.0, True)
