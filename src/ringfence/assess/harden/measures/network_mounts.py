"""How network file systems are mounted."""

from ringfence.assess.harden.measure import Edit, Measure, There, Told

MEASURE = Measure(
    id="RF-X19",
    name="network_mounts",
    title="No setuid program and no device comes from a network file system",
    why="Whoever writes the file server, or is root on one node, would be root on every node that mounts it.",
    breaks="Software on shared storage that is setuid, such as some container launchers: install it on the nodes.",
    needs=(There(("/etc/fstab",), "mounts are said in fstab"),),
    wants=(
        Edit("/etc/fstab", "fstab"),
        Told(
            "/proc/1/mounts",
            r"\S+ \S+ (?:nfs4?|lustre|beegfs|wekafs|gpfs|cifs) (?!\S*\bnosuid\b)\S+ .*",
            "one is mounted without nosuid; drain the node, then `mount -o remount,nosuid,nodev`",
            never=True,
        ),
    ),
    after="It counts at the next mount.",
    topic="storage",
    source="mount(8)",
)
