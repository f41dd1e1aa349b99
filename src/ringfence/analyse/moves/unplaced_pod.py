"""Work without a node lands on any node that its selector admits."""

from ringfence.analyse.rule import At, Atom, Minutes, Move, Rule

MOVE = Move(
    id="RF-M027",
    name="unplaced_pod",
    function=True,
    title="Work without a node lands on any node that its selector admits",
    gives="root on one of the nodes that the assumed host stands for",
    rules=(
        Rule(
            start=(At("stand_in", "root"),),
            to=At("host", "root"),
            facts=(Atom("stands_for", "stand_in", "host"),),
        ),
    ),
    minutes=Minutes(0, 0, "no step of an attacker: the scheduler decides"),
    why="Nobody can say yet which node it will be, so each of them counts.",
    end="Capture the running pods, or give the workload nodes of its own.",
)
