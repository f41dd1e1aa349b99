"""Traffic of others on common NVLinks is felt."""

from ringfence.analyse.rule import At, Atom, Minutes, Move, Rule

MOVE = Move(
    id="RF-M078",
    name="nvlink_contention",
    title="Traffic of others on common NVLinks is felt",
    gives="when and how much the neighbours communicate: enough to tell applications apart, not to read them",
    rules=(
        Rule(
            start=(At("gpu", "context"),), to=At("domain", "observe"), facts=(Atom("nvlink_member", "gpu", "domain"),)
        ),
        Rule(
            start=(At("domain", "observe"),), to=At("gpu", "observe"), facts=(Atom("nvlink_member", "gpu", "domain"),)
        ),
    ),
    minutes=Minutes(
        60, 600, "estimate: bandwidth probing over hours; published covert channels reach kilobits to megabits a second"
    ),
    why="Links and switches are shared by all accelerators of a domain and their load shows in the timing of one's own transfers and in counters.",
    end="Whole NVLink domains, or partitions, per tenant; restrict the counters.",
)
