"""A member of a group has what the group has."""

from ringfence.analyse.rule import At, Atom, Minutes, Move, Rule

MOVE = Move(
    id="RF-M043",
    name="group_member",
    function=True,
    title="A member of a group has what the group has",
    gives="the rights of the group",
    rules=(
        Rule(start=(At("identity", "use"),), to=At("group", "use"), facts=(Atom("member_of", "identity", "group"),)),
    ),
    minutes=Minutes(0, 1, "estimate: the kernel grants it at login"),
    why="Rights given to a group hold for each account in it.",
    end="Take the account out of the group, or the right from the group.",
    attack=("T1078",),
)
