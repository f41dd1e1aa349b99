"""The superuser of a host is everyone who has a session there."""

from ringfence.analyse.rule import At, Atom, Minutes, Move, Rule

MOVE = Move(
    id="RF-M041",
    name="session_theft",
    function=True,
    title="The superuser of a host is everyone who has a session there",
    gives="the account, with its tickets, tokens and environment",
    rules=(
        Rule(start=(At("host", "root"),), to=At("identity", "use"), facts=(Atom("session_on", "identity", "host"),)),
    ),
    minutes=Minutes(2, 60, "estimate: read the tokens of a process, or wait for the next command"),
    why="Processes carry tickets and tokens in memory, files and environment; the superuser reads all of them and can put words into the terminal.",
    end="Keep the superuser of login nodes few; keep tickets short and bound to the address; run no personal sessions on shared nodes.",
    attack=("T1003", "T1539"),
    atlas=("AML.T0090",),
)
