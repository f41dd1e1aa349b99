"""Whoever can speak as any account reads and changes the data kept there."""

from ringfence.analyse.rule import At, Atom, Is, Minutes, Move, Rule

MOVE = Move(
    id="RF-M105",
    name="impersonate_data",
    function=True,
    title="Whoever can speak as any account reads and changes the data kept there",
    gives="the bytes of the data",
    rules=(
        Rule(
            start=(At("storage", "impersonate"),),
            to=At("data", "read"),
            facts=(Atom("stored_on", "data", "storage"),),
        ),
        Rule(
            start=(At("storage", "impersonate"),),
            to=At("data", "write"),
            facts=(Atom("stored_on", "data", "storage"), Atom("setting", "storage", Is("access=rw"), hole="exports")),
        ),
    ),
    minutes=Minutes(1, 10, "estimate: read as the folder's owner"),
    why="The owner of the data is an account like any other, and its number is all that is asked for.",
    end="As for the step before it: krb5p or a nodemap per tenant; and seal the weights, so that bytes alone are not enough.",
    attack=("T1005",),
    atlas=("AML.T0035",),
)
