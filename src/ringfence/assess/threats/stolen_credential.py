"""A stolen credential opens a login."""

from ringfence.analyse.rule import Atom, Is, Prefix
from ringfence.assess.check import When, asked_of
from ringfence.assess.threat import Control, Stride, Threat, Way

THREAT = Threat(
    id="RF.T18",
    name="stolen_credential",
    each=(When((Atom("asked", "it", Is("sshd")),)), When((Atom("setting", "it", Prefix("sshd.")),))),
    ways=(
        Way(
            "a password is enough",
            opens=(
                When((Atom("setting", "it", Is("sshd.passwordauthentication=yes")),), "sshd takes passwords"),
                When(
                    (Atom("setting", "it", Is("sshd.permitrootlogin=yes")),), "sshd lets the superuser in by password"
                ),
            ),
            shut=(
                Control(
                    "sshd takes keys only",
                    (
                        asked_of("sshd"),
                        When((Atom("setting", "it", Is("sshd.passwordauthentication=no")),), "no passwords"),
                    ),
                    d3fend=("D3-ACH",),
                ),
            ),
        ),
        Way(
            "a key that lies about opens it",
            opens=(),
            reach=("it#root",),
            shut=(
                Control(
                    "nobody comes to be its superuser; its accounts, keys and sudoers were read",
                    (asked_of("users"), asked_of("sudoers"), asked_of("sshd")),
                ),
            ),
        ),
    ),
    why="Keys and tokens lie in homes, images and job scripts; the one who finds one is, for every log, its owner.",
    remedy="Short-lived certificates instead of keys, no passwords, no secrets in homes that others mount.",
    phases=("ingest", "pre-train", "checkpoint", "evaluate", "export"),
    stride=(Stride.SPOOFING,),
    atlas=("AML.T0055", "AML.T0012"),
    attack=("T1078", "T1552"),
)
