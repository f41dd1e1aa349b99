"""A Terraform state gives away the secrets that it keeps in the clear."""

from ringfence.analyse.rule import At, Atom, Minutes, Move, Rule

MOVE = Move(
    id="RF-M136",
    name="state_file_secrets",
    title="A Terraform state gives away the secrets that it keeps in the clear",
    gives="passwords, private keys and access keys",
    rules=(
        Rule(
            start=(At("storage", "read"),),
            to=At("credential", "use"),
            facts=(Atom("stores_credential", "storage", "credential"),),
            kinds={"storage": ("storage",)},
        ),
    ),
    minutes=Minutes(1, 10, "estimate: one search through one file"),
    why="A state holds every attribute of every resource as text, whatever the configuration calls sensitive.",
    end="Keep states in a bucket that only the pipeline's role reads, generate secrets in a vault rather than in Terraform.",
    attack=("T1552",),
)
