"""A privileged container mounts its host's disk.

Needs privileged as a whole: SYS_ADMIN alone may call mount, but the device controller does not let it open a
disk.
"""

from ringfence.analyse.rule import At, Atom, Is, Minutes, Move, Rule

MOVE = Move(
    id="RF-M003",
    name="ce_priv_mount",
    title="A privileged container mounts its host's disk",
    gives="every file of the host, hence root",
    rules=(
        Rule(
            start=(At("container", "code"),),
            to=At("host", "root"),
            facts=(
                Atom("runs_with", "container", Is("privileged")),
                Atom("runs_on", "container", "host"),
            ),
        ),
    ),
    minutes=Minutes(2, 10, "estimate: mount the disk, add a key or a cron line, wait for it"),
    why="A privileged container may open every device, the host's disks among them.",
    end="Drop privileged; give the one device that is needed through a device plugin.",
    aka=("CE_PRIV_MOUNT",),
    attack=("T1611",),
)
