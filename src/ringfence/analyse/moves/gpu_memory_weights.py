"""The accelerator's memory holds what the job loaded."""

from ringfence.analyse.rule import At, Atom, Minutes, Move, Rule

MOVE = Move(
    id="RF-M069",
    name="gpu_memory_weights",
    function=True,
    title="The accelerator's memory holds what the job loaded",
    gives="what is loaded at that moment: weights, batches, the state that the next checkpoint will save",
    rules=(
        Rule(
            start=(At("gpu", "memory"),),
            to=At("data", "read"),
            facts=(
                Atom("uses_gpu", "work", "gpu"),
                Atom("reads", "work", "data"),
            ),
            kinds={"data": ("dataset", "model", "checkpoint")},
        ),
        Rule(
            start=(At("gpu", "memory"),),
            to=At("data", "read"),
            facts=(
                Atom("uses_gpu", "work", "gpu"),
                Atom("writes", "work", "data"),
            ),
            kinds={"data": ("dataset", "model", "checkpoint")},
        ),
        Rule(
            start=(At("gpu", "memory"),),
            to=At("data", "write"),
            facts=(
                Atom("uses_gpu", "work", "gpu"),
                Atom("writes", "work", "data"),
            ),
            kinds={"data": ("dataset", "model", "checkpoint")},
        ),
    ),
    minutes=Minutes(5, 120, "estimate: find the tensors by their size and shape, copy them out at PCIe speed"),
    why="Weights lie unencrypted in accelerator memory while they are in use, and a training run saves from there.",
    end="Confidential-computing mode encrypts what leaves the accelerator, not what is in use; end the step before this one.",
    attack=("T1005",),
    atlas=("AML.T0035",),
)
