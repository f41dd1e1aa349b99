"""A job opens accelerators that it was not given."""

from ringfence.analyse.rule import At, Atom, Is, Minutes, Move, Rule

MOVE = Move(
    id="RF-M060",
    name="unconstrained_devices",
    title="A job opens accelerators that it was not given",
    gives="kernels on every accelerator of its hosts, in an address space of its own; not other jobs' memory",
    rules=(
        Rule(
            start=(At("job", "code"),),
            to=At("gpu", "context"),
            facts=(
                Atom("in_cluster", "job", "cluster"),
                Atom("setting", "cluster", Is("devices=unconstrained"), hole="cgroup-conf"),
                Atom("runs_on", "job", "host"),
                Atom("has_gpu", "host", "gpu"),
            ),
            kinds={"job": ("job",)},
        ),
        Rule(
            start=(At("job", "code"),),
            to=At("gpu", "context"),
            facts=(
                Atom("in_cluster", "job", "cluster"),
                Atom("runs_on", "job", "host"),
                Atom("setting", "host", Is("devices=unconstrained")),
                Atom("has_gpu", "host", "gpu"),
            ),
            kinds={"job": ("job",)},
        ),
    ),
    minutes=Minutes(1, 5, "estimate: unset one environment variable"),
    why="Without ConstrainDevices, or without task/cgroup, the scheduler tells a job its accelerators by an environment variable that the job may change.",
    end="ConstrainDevices=yes in cgroup.conf, with TaskPlugin=task/cgroup and ProctrackType=proctrack/cgroup.",
)
