"""The superuser where a subnet manager runs manages the fabric."""

from ringfence.analyse.rule import At, Atom, Minutes, Move, Rule

MOVE = Move(
    id="RF-M096",
    name="sm_host_root",
    function=True,
    title="The superuser where a subnet manager runs manages the fabric",
    gives="the keys and the configuration of the fabric, standby managers included",
    rules=(
        Rule(
            start=(At("host", "root"),),
            to=At("fabric", "manage"),
            facts=(Atom("sm_on", "fabric", "host", {"state": ("master", "standby")}),),
            kinds={"host": ("host",)},
        ),
        Rule(
            start=(At("switch", "admin"),),
            to=At("fabric", "manage"),
            facts=(Atom("sm_on", "fabric", "switch", {"on": "switch", "state": ("master", "standby")}),),
            kinds={"switch": ("switch",)},
        ),
    ),
    minutes=Minutes(1, 5, "estimate: edit partitions.conf and send SIGHUP, or take over from the standby"),
    why="opensm keeps sm_key, m_key and partitions.conf in files of its host; a standby holds the same keys and becomes master by a higher priority.",
    end="Run subnet managers on hosts of their own, without jobs and without shared accounts; count the standby ones.",
    attack=("T1557",),
)
