"""A Jupyter server without a token is a shell."""

from ringfence.analyse.rule import At, Atom, Is, Minutes, Move, Rule

MOVE = Move(
    id="RF-M151",
    name="jupyter_open",
    title="A Jupyter server without a token is a shell",
    gives="a shell as the account that started it",
    rules=(
        Rule(
            start=(At("service", "connect"),),
            to=At("host", "user"),
            facts=(
                Atom("service_kind", "service", Is("jupyter")),
                Atom("authenticates", "service", Is("none"), hole="auth"),
                Atom("runs_on", "service", "host"),
            ),
        ),
        Rule(
            start=(At("service", "connect"),),
            to=At("account", "use"),
            facts=(
                Atom("service_kind", "service", Is("jupyter")),
                Atom("authenticates", "service", Is("none"), hole="auth"),
                Atom("runs_as", "service", "account"),
            ),
        ),
        Rule(
            start=(At("service", "connect"),),
            to=At("host", "root"),
            facts=(
                Atom("service_kind", "service", Is("jupyter")),
                Atom("authenticates", "service", Is("none"), hole="auth"),
                Atom("runs_on", "service", "host"),
                Atom("setting", "service", Is("account=root")),
            ),
        ),
    ),
    minutes=Minutes(1, 5, "estimate: open the page and its terminal"),
    why="A notebook server is a shell in a browser; with an empty token and no password it asks nobody.",
    end="Leave the token on, bind to the loopback address, and reach it through JupyterHub or an SSH tunnel.",
    attack=("T1190", "T1059.006"),
    atlas=("AML.T0049",),
)
