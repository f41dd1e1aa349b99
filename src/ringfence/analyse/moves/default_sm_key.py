"""The subnet manager trusts whoever says SM_Key 1."""

from ringfence.analyse.rule import At, Atom, Is, Minutes, Move, Rule

MOVE = Move(
    id="RF-M093",
    name="default_sm_key",
    title="The subnet manager trusts whoever says SM_Key 1",
    gives="all partition tables; with M_Key 0 as well, mastership of the fabric: the real manager steps back by itself",
    rules=(
        Rule(
            start=(At("fabric", "send"),),
            to=At("fabric", "discover"),
            facts=(Atom("setting", "fabric", Is("sm_key=default"), hole="opensm-conf"),),
            kinds={"fabric": ("network",)},
        ),
        Rule(
            start=(At("fabric", "send"),),
            to=At("fabric", "manage"),
            facts=(
                Atom("setting", "fabric", Is("sm_key=default"), hole="opensm-conf"),
                Atom("setting", "fabric", Is("allowed_sm_guids=any"), hole="opensm-conf"),
                Atom("setting", "fabric", Is("m_key=0"), hole="opensm-conf"),
            ),
            kinds={"fabric": ("network",)},
        ),
    ),
    minutes=Minutes(1, 10, "estimate; that opensm 3.3.23 does so was measured on simulated fabrics of four hosts"),
    why="SM_Key 1 is the published default. With it `saquery --smkey 1 PKTR` is answered, and a second opensm of priority 15 anywhere on the fabric becomes master; with an empty partitions.conf it made every port a full member.",
    end="A random sm_key and sa_key on every subnet manager, allowed_sm_guids where the manager has it, sm_priority 15 for the real master, and an M_Key.",
    attack=("T1557",),
)
