"""An open MLflow server hands out and replaces models."""

from ringfence.analyse.rule import At, Atom, Is, Minutes, Move, Rule

MOVE = Move(
    id="RF-M152",
    name="mlflow_open",
    title="An open MLflow server hands out and replaces models",
    gives="the registered model, to read and to replace",
    rules=(
        Rule(
            start=(At("service", "connect"),),
            to=At("artefact", "read"),
            facts=(
                Atom("service_kind", "service", Is("mlflow")),
                Atom("authenticates", "service", Is("none"), hole="auth"),
                Atom("pulled_from", "artefact", "service"),
            ),
        ),
        Rule(
            start=(At("service", "connect"),),
            to=At("artefact", "write"),
            facts=(
                Atom("service_kind", "service", Is("mlflow")),
                Atom("authenticates", "service", Is("none"), hole="auth"),
                Atom("pulled_from", "artefact", "service"),
            ),
        ),
    ),
    minutes=Minutes(1, 15, "estimate: two requests to the registry interface"),
    why="The tracking server asks nobody unless it was started with an authentication app; whoever connects downloads artefacts and registers new versions that others load.",
    end="Start it with --app-name basic-auth behind TLS; let only training and serving identities through.",
    attack=("T1190", "T1213"),
    atlas=("AML.T0035", "AML.T0010.003"),
)
