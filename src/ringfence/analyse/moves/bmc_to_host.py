"""The controller takes over its machine."""

from ringfence.analyse.rule import At, Atom, Minutes, Move, Rule

MOVE = Move(
    id="RF-M122",
    name="bmc_to_host",
    function=True,
    title="The controller takes over its machine",
    gives="the machine as superuser, after a reboot or through its console",
    rules=(
        Rule(
            start=(At("bmc", "admin"),),
            to=At("host", "root"),
            facts=(Atom("managed_by", "host", "bmc"),),
        ),
    ),
    minutes=Minutes(5, 30, "estimate: boot from virtual media, or edit the boot line on the console"),
    why="The controller mounts media, changes the boot order, types on the console and replaces firmware, whatever the system above it says.",
    end="Secure boot with passwords on firmware and loader, disks encrypted against the measured state, and alerts on every power and media event.",
    attack=("T1542",),
)
