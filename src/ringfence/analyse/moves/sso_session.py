"""Who holds a person's workstation is that person."""

from ringfence.analyse.rule import At, Atom, Minutes, Move, Rule

MOVE = Move(
    id="RF-M038",
    name="sso_session",
    function=True,
    title="Who holds a person's workstation is that person",
    gives="the sessions, tokens and agents that are open there",
    rules=(
        Rule(
            start=(At("workstation", "user"),),
            to=At("identity", "use"),
            facts=(Atom("logs_in_from", "identity", "workstation"),),
        ),
    ),
    minutes=Minutes(5, 480, "estimate: from reading an open session to waiting for the next sign-on"),
    why="Single sign-on leaves cookies, tickets and agents on the machine where the person works; they are the account until they expire.",
    end="Bind sessions to the device by hardware-held keys, ask again for each login to the cluster, expire within hours.",
    attack=("T1539", "T1550.001"),
    atlas=("AML.T0012", "AML.T0091"),
)
