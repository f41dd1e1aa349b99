"""An intruder moves from host to host."""

from ringfence.analyse.rule import Atom, Is
from ringfence.assess.check import When, asked_of
from ringfence.assess.threat import Control, Stride, Threat, Way

THREAT = Threat(
    id="RF.T19",
    name="lateral_movement",
    each=(When((Atom("has_gpu", "it", "gpu"),)), When((Atom("in_cluster", "it", "cluster"),), kinds={"it": ("host",)})),
    ways=(
        Way(
            "accounts log in to a node where they run nothing",
            opens=(
                When(
                    (Atom("setting", "it", Is("pam_slurm_adopt=off")), Atom("setting", "it", Is("ssh_login=any"))),
                    "whoever has an account logs in",
                ),
            ),
            shut=(
                Control(
                    "a login needs a job there",
                    (
                        asked_of("pam"),
                        When((Atom("setting", "it", Is("pam_slurm_adopt=on")),), "pam_slurm_adopt is on"),
                    ),
                    d3fend=("D3-NAM",),
                ),
            ),
        ),
        Way(
            "it takes another host's word",
            opens=(
                When(
                    (Atom("setting", "it", Is("sshd.hostbasedauthentication=yes")),), "sshd takes another host's word"
                ),
                When((Atom("trusts_host", "it", "other"),), "it lets another host's accounts in"),
                When((Atom("agent_forwarded", "account", "it"),), "a person's SSH agent answers there"),
            ),
            shut=(
                Control(
                    "sshd takes no other host's word",
                    (
                        asked_of("sshd"),
                        When((Atom("setting", "it", Is("sshd.hostbasedauthentication=no")),), "no host-based logins"),
                    ),
                    d3fend=("D3-ACH",),
                ),
            ),
        ),
    ),
    why="A flat cluster is one host: trust between nodes carries an intruder to every jewel at the speed of a script.",
    remedy=(
        "pam_slurm_adopt on every node, no host-based authentication, no forwarded agents, and a fence between jobs."
    ),
    phases=("pre-train", "checkpoint", "evaluate"),
    stride=(Stride.ELEVATION, Stride.SPOOFING),
    atlas=("AML.T0012",),
    attack=("T1021.004", "T1021"),
)
