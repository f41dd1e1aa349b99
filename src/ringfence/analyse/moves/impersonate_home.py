"""Whoever can speak as any account plants a key in a home folder."""

from ringfence.analyse.rule import At, Atom, Minutes, Move, Rule

MOVE = Move(
    id="RF-M106",
    name="impersonate_home",
    function=True,
    title="Whoever can speak as any account plants a key in a home folder",
    gives="the account: its keys, its jobs, its logins",
    rules=(
        Rule(
            start=(At("storage", "impersonate"),),
            to=At("account", "use"),
            facts=(Atom("stores_home", "storage", "account"),),
        ),
    ),
    minutes=Minutes(1, 5, "estimate: one line appended to authorized_keys"),
    why="A home folder holds authorized_keys and the shell's start files; whoever writes them is the account at its next login.",
    end="Serve homes with sec=krb5p; keep authorized_keys outside the home (AuthorizedKeysFile).",
    attack=("T1098",),
)
