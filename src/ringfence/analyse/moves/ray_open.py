"""An open Ray cluster runs what it is sent."""

from ringfence.analyse.rule import At, Atom, Is, Minutes, Move, Rule

MOVE = Move(
    id="RF-M150",
    name="ray_open",
    title="An open Ray cluster runs what it is sent",
    gives="code as the account that Ray runs as, on its workers",
    rules=(
        Rule(
            start=(At("service", "connect"),),
            to=At("host", "user"),
            facts=(
                Atom("service_kind", "service", Is("ray")),
                Atom("authenticates", "service", Is("none"), hole="auth"),
                Atom("runs_on", "service", "host"),
            ),
        ),
        Rule(
            start=(At("service", "connect"),),
            to=At("account", "use"),
            facts=(
                Atom("service_kind", "service", Is("ray")),
                Atom("authenticates", "service", Is("none"), hole="auth"),
                Atom("runs_as", "service", "account"),
            ),
        ),
        Rule(
            start=(At("service", "connect"),),
            to=At("host", "root"),
            facts=(
                Atom("service_kind", "service", Is("ray")),
                Atom("authenticates", "service", Is("none"), hole="auth"),
                Atom("runs_on", "service", "host"),
                Atom("setting", "service", Is("account=root")),
            ),
        ),
    ),
    minutes=Minutes(1, 10, "estimate: one request to the job interface"),
    why="Ray's job interface and client port run programs for every caller; there is no check unless token authentication is switched on.",
    end="Set RAY_AUTH_MODE=token, bind the head to the loopback address, and let only the submitting hosts through the filter.",
    aka=("ShadowRay",),
    attack=("T1190", "T1059.006"),
    atlas=("AML.T0049",),
)
