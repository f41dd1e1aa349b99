"""Each controller has a password of its own."""

from ringfence.analyse.rule import Atom, Differ, Is
from ringfence.assess.check import Check, Layer, Refs, When, all_of, asked_of
from ringfence.estate.facts import Fact

CHECK = Check(
    id="RF-B04",
    name="bmc_credentials",
    title="Each controller has a password of its own",
    layer=Layer.IDENTITY,
    each=(all_of("bmc"),),
    fails=(
        When((Atom("authenticates", "it", Is("default-password")),), "it still has its maker's password"),
        When((Atom("authenticates", "it", Is("none")),), "it asks for no password"),
        When(
            (Atom("setting", "it", Is("account_password=first")),),
            "an account still has a first password, which it must change before anything else: whoever knows it sets "
            "the next",
        ),
        When(
            (
                Atom("accepts_key", "it", "secret"),
                Atom("accepts_key", "other", "secret"),
                Atom("managed_by", "host", "it"),
                Atom("managed_by", "beside", "other"),
            ),
            "another controller accepts the same secret",
            (Differ("it", "other"),),
            opens=("other#admin",),
        ),
    ),
    rests=(
        asked_of("bmc-credentials", complete=True),
        When((Atom("authenticates", "it", Is("password")),), "it asks for a password"),
    ),
    why="Controllers leave the factory with a known account, and provisioning gives all of them one password: one "
    "that falls opens all.",
    remedy="Set a password of its own on every controller from the provisioning system, kept in a vault. That none "
    "is the maker's cannot be read, only tried: declare it as `asked bmc-credentials`, complete, by the "
    "system that sets them.",
    opens=("admin",),
    weight=8,
    refs=Refs(nist=("IA-5",), attack=("T1078",), d3fend=("D3-CDP",)),
    source="the makers' own hardening guides for controllers",
    by_hand=(
        Fact("bmc:NAME", "asked", "bmc-credentials", {"answered": True, "complete": True}),
        Fact("bmc:NAME", "authenticates", "default-password"),
    ),
)
