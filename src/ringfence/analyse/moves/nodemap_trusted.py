"""A trusted Lustre nodemap believes the client's account numbers."""

from ringfence.analyse.rule import At, Atom, Is, Minutes, Move, Rule

MOVE = Move(
    id="RF-M107",
    name="nodemap_trusted",
    title="A trusted Lustre nodemap believes the client's account numbers",
    gives="every account on this file system",
    rules=(
        Rule(
            start=(At("host", "root"),),
            to=At("storage", "impersonate"),
            facts=(
                Atom("mounts", "host", "storage"),
                Atom("setting", "storage", Is("nodemap=trusted"), hole="nodemap"),
            ),
            kinds={"host": ("host",)},
        ),
    ),
    minutes=Minutes(1, 5, "estimate: `su` to the owner's uid on the client"),
    why="A nodemap is chosen by the client's network address, which its root can set; a trusted one passes its account numbers through.",
    end="Activate nodemaps, one per tenant with trusted_nodemap=0, admin_nodemap=0 and a fileset, and authenticate clients (SSK or Kerberos).",
    attack=("T1078",),
)
