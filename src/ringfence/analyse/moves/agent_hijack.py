"""The superuser of a host uses the SSH agents that answer there."""

from ringfence.analyse.rule import At, Atom, Minutes, Move, Rule

MOVE = Move(
    id="RF-M040",
    name="agent_hijack",
    title="The superuser of a host uses the SSH agents that answer there",
    gives="logins as the agent's owner while the session lasts",
    rules=(
        Rule(
            start=(At("host", "root"),), to=At("identity", "use"), facts=(Atom("agent_forwarded", "identity", "host"),)
        ),
    ),
    minutes=Minutes(1, 5, "estimate: set SSH_AUTH_SOCK and log in"),
    why="A forwarded agent signs for whoever opens its socket; the superuser opens any socket.",
    end="AllowAgentForwarding no; use ProxyJump instead; have the agent confirm each use.",
    attack=("T1552.004", "T1021.004"),
)
