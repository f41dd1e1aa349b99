"""Whoever changes a saved state changes the model that resumes from it."""

from ringfence.analyse.rule import At, Atom, Minutes, Move, Rule

MOVE = Move(
    id="RF-M115",
    name="tampered_checkpoint",
    title="Whoever changes a saved state changes the model that resumes from it",
    gives="the model's weights",
    rules=(
        Rule(
            start=(At("state", "write"),),
            to=At("model", "write"),
            facts=(Atom("checkpoint_of", "state", "model"),),
        ),
    ),
    minutes=Minutes(5, 1440, "estimate: an edit of tensors in place, then the time until training resumes"),
    why="Training resumes from the newest state without asking who wrote it.",
    end="Sign checkpoints as they are written and check before resuming; the training identity alone may write.",
    attack=("T1565",),
    atlas=("AML.T0018",),
)
