"""A container reads any file of its host through a link in /var/log.

Two things at once: root in a container with the host's log folder mounted writable, and an identity that may
read logs through the API, in the container's own namespace, everywhere, or of nodes. The identity need not be
the container's own, because the two steps are separate requests. KubeHound draws it to the node; what it
gives is reading.
"""

from ringfence.analyse.rule import At, Atom, Is, Minutes, Move, Rule

MOVE = Move(
    id="RF-M006",
    name="ce_var_log_symlink",
    title="A container reads any file of its host through a link in /var/log",
    gives="the files of the host that only root may read, the kubelet's key among them",
    rules=(
        Rule(
            start=(At("role", "use"),),
            to=At("scope", "observe"),
            facts=(
                Atom("permits", "role", Is("get pods/log")),
                Atom("scoped_to", "role", "scope"),
                Atom("setting", "scope", Is("log-folder=writable")),
            ),
        ),
        Rule(
            start=(At("role", "use"),),
            to=At("scope", "observe"),
            facts=(
                Atom("permits", "role", Is("get nodes/log")),
                Atom("scoped_to", "role", "scope"),
                Atom("setting", "scope", Is("log-folder=writable")),
            ),
        ),
        Rule(
            start=(
                At("container", "code"),
                At("namespace", "observe"),
            ),
            to=At("host", "read"),
            facts=(
                Atom("mounts_host_path", "container", "path", {"logs": True}),
                Atom("runs_with", "container", Is("root")),
                Atom("part_of", "container", "pod"),
                Atom("in_namespace", "pod", "namespace"),
                Atom("runs_on", "container", "host"),
                Atom("setting", "namespace", Is("grants=read logs")),
            ),
        ),
        Rule(
            start=(
                At("container", "code"),
                At("cluster", "observe"),
            ),
            to=At("host", "read"),
            facts=(
                Atom("mounts_host_path", "container", "path", {"logs": True}),
                Atom("runs_with", "container", Is("root")),
                Atom("part_of", "container", "pod"),
                Atom("in_namespace", "pod", "namespace"),
                Atom("runs_on", "container", "host"),
                Atom("in_cluster", "namespace", "cluster"),
                Atom("setting", "cluster", Is("grants=read logs")),
            ),
        ),
        Rule(
            start=(
                At("container", "code"),
                At("namespace", "observe"),
            ),
            to=At("identity", "use"),
            facts=(
                Atom("mounts_host_path", "container", "path", {"logs": True}),
                Atom("runs_with", "container", Is("root")),
                Atom("part_of", "container", "pod"),
                Atom("in_namespace", "pod", "namespace"),
                Atom("runs_on", "container", "host"),
                Atom("setting", "namespace", Is("grants=read logs")),
                Atom("acts_as", "host", "identity"),
            ),
        ),
        Rule(
            start=(
                At("container", "code"),
                At("cluster", "observe"),
            ),
            to=At("identity", "use"),
            facts=(
                Atom("mounts_host_path", "container", "path", {"logs": True}),
                Atom("runs_with", "container", Is("root")),
                Atom("part_of", "container", "pod"),
                Atom("in_namespace", "pod", "namespace"),
                Atom("runs_on", "container", "host"),
                Atom("in_cluster", "namespace", "cluster"),
                Atom("setting", "cluster", Is("grants=read logs")),
                Atom("acts_as", "host", "identity"),
            ),
        ),
    ),
    minutes=Minutes(2, 15, "estimate: one link, one request for a log"),
    why="The kubelet serves log files as root and follows links; whoever can write below /var/log chooses what the link names.",
    end="Mount logs read-only, or take the right to read logs through the API from whoever writes there.",
    aka=("CE_VAR_LOG_SYMLINK",),
    attack=(
        "T1611",
        "T1083",
    ),
)
