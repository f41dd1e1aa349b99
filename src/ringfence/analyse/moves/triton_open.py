"""An open Triton server loads the model that it is told to."""

from ringfence.analyse.rule import At, Atom, Is, Minutes, Move, Rule

MOVE = Move(
    id="RF-M153",
    name="triton_open",
    title="An open Triton server loads the model that it is told to",
    gives="code as the account that Triton runs as",
    rules=(
        Rule(
            start=(At("service", "connect"),),
            to=At("host", "user"),
            facts=(
                Atom("service_kind", "service", Is("triton")),
                Atom("authenticates", "service", Is("none"), hole="auth"),
                Atom("runs_on", "service", "host"),
                Atom("setting", "service", Is("model-control=explicit")),
            ),
        ),
        Rule(
            start=(At("service", "connect"),),
            to=At("account", "use"),
            facts=(
                Atom("service_kind", "service", Is("triton")),
                Atom("authenticates", "service", Is("none"), hole="auth"),
                Atom("runs_as", "service", "account"),
                Atom("setting", "service", Is("model-control=explicit")),
            ),
        ),
        Rule(
            start=(At("service", "connect"),),
            to=At("host", "root"),
            facts=(
                Atom("service_kind", "service", Is("triton")),
                Atom("authenticates", "service", Is("none"), hole="auth"),
                Atom("runs_on", "service", "host"),
                Atom("setting", "service", Is("account=root")),
                Atom("setting", "service", Is("model-control=explicit")),
            ),
        ),
    ),
    minutes=Minutes(5, 60, "estimate: load a model whose backend is Python"),
    why="With explicit model control any caller may load a model, its files given in the request; a Python backend in it is code.",
    end="Use --model-control-mode=none, restrict the model-repository interface, and put a proxy that checks callers in front.",
    attack=("T1190", "T1059.006"),
    atlas=("AML.T0049",),
)
