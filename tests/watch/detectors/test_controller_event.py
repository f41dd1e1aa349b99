"""D50: accounts, settings and power at a management controller."""

from ringfence.watch.detectors import controller_event
from ringfence.wire.ocsf import classes
from tests.watch.detectors.below import LONG, released, reserved, told
from tests.watch.events import both_ways, event

CREATED = "ResourceEvent.1.3.ResourceCreated"
ACCOUNT = "/redfish/v1/AccountService/Accounts/6"


def test_an_account_more_is_told():
    """Nobody announced work on that host."""
    (found,) = both_ways(controller_event, [told(10, 7, message_id=CREATED, component=ACCOUNT)])
    assert found.entities == ("host:gpu0001", "bmc:gpu0001")
    assert found.confidence * found.severity >= 45
    assert found.evidence == (("host:mgmt01/bmc", 1),)


def test_an_account_made_through_the_controllers_interface_is_told():
    """The audit of calls says it."""
    said = {"api__service__name": "redfish", "api__operation": "POST", "resource__name": ACCOUNT}
    found = both_ways(controller_event, [event(classes.API, 1, 5, "gpu0002", actor__user__name="eve", **said)])
    assert "by eve" in found[0].why


def test_announced_work_is_honest_until_it_is_over():
    """A reservation covers its hosts, and for a while after its end what controllers tell late."""
    made = told(400, 7, message_id=CREATED, component=ACCOUNT)
    assert both_ways(controller_event, [reserved(0, "gpu0001"), made]) == []
    assert both_ways(controller_event, [reserved(0, "gpu0002"), made]) != []
    late = told(9000, 7, message_id=CREATED, component=ACCOUNT)
    assert both_ways(controller_event, [reserved(0, "gpu0001"), released(60), late]) != []


def test_reading_sensors_and_supplies_are_nothing():
    """What controllers say all day."""
    quiet = [
        told(1, 1, sensor="Fan", message="Fan speed is below normal"),
        told(2, 6, message_id="PowerSupplyFailed", component="psu2"),
        event(classes.API, 2, 3, "gpu0001", api__service__name="redfish", resource__name=ACCOUNT),
        event(classes.API, 3, 3, "k8s1", api__service__name="kubernetes", resource__name="bootstrap-account"),
        told(4, 1, message_id="SystemReset", message="watchdog expired"),
    ]
    assert both_ways(controller_event, quiet) == []


def test_one_reset_says_little_and_many_say_more():
    """Hung hosts are reset; nobody resets one three times."""
    resets = [told(600 * turn, 6, message_id="PowerState", component="system", version="off") for turn in range(3)]
    found = both_ways(controller_event, resets)
    assert found[0].confidence < 0.5
    assert found[-1].confidence > 0.7


def test_hostile_names_and_clocks_do_no_harm():
    """Nameless, long, from the year 292277 and before 1970."""
    odd = [
        event(classes.HARDWARE, 7, 0, ""),
        told(1, 7, host=LONG, message_id=LONG, component="account" + LONG),
        told(-9e9, 6, component="system"),
        told(9e9, 6, component="system"),
    ]
    assert all(len(one.key) < 1000 for one in both_ways(controller_event, odd))
