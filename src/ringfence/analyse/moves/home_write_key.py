"""Whoever changes a file system plants a key in the homes on it."""

from ringfence.analyse.rule import At, Atom, Minutes, Move, Rule

MOVE = Move(
    id="RF-M112",
    name="home_write_key",
    function=True,
    title="Whoever changes a file system plants a key in the homes on it",
    gives="the account: its keys, its jobs, its logins",
    rules=(
        Rule(
            start=(At("storage", "write"),),
            to=At("account", "use"),
            facts=(Atom("stores_home", "storage", "account"),),
        ),
    ),
    minutes=Minutes(1, 5, "estimate: one line appended to authorized_keys"),
    why="A home folder holds authorized_keys and the shell's start files; whoever writes them is the account at its next login.",
    end="Keep authorized_keys outside the home (AuthorizedKeysFile); export homes with root_squash and krb5p.",
    attack=("T1098",),
)
