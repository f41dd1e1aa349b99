"""Root on a client speaks as any account, because the server believes numbers."""

from ringfence.analyse.rule import At, Atom, Is, Minutes, Move, Rule

MOVE = Move(
    id="RF-M104",
    name="auth_sys_impersonation",
    title="Root on a client speaks as any account, because the server believes numbers",
    gives="every account on this storage but root",
    rules=(
        Rule(
            start=(At("host", "root"),),
            to=At("storage", "impersonate"),
            facts=(
                Atom("mounts", "host", "storage"),
                Atom("setting", "storage", Is("sec=sys"), hole="exports"),
            ),
            kinds={"host": ("host",)},
        ),
    ),
    minutes=Minutes(1, 5, "estimate: `su` to the owner's uid on the client"),
    why="With AUTH_SYS the client states the caller's uid and the server believes it; root_squash only keeps uid 0 out.",
    end="Export with sec=krb5p, or map all accounts of a client to one (all_squash, a nodemap per tenant).",
    attack=("T1078",),
)
