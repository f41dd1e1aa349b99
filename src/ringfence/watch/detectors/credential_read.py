"""A secret is read by a program that does not use it, or by somebody whose it is not."""

from collections.abc import Iterator

import msgspec
import numpy as np

from ringfence.watch.batch import Batch
from ringfence.watch.detector import NODE, About, View
from ringfence.watch.learned import HOUR, Among, Learning, Spread, clock
from ringfence.watch.rows import Who, foothold, matching, noticed, shown, who
from ringfence.watch.values import Signal
from ringfence.wire.ocsf import classes

about = About(
    id="RF.D15",
    name="credential_read",
    title="A credential is read",
    meaning="A file with a key, token or password is read by a program that does not use it, or by an "
    "account that is not its owner.",
    stage=NODE,
    sees=(classes.FILE,),
    threats=("RF.T18", "RF.T17"),
    attack=("T1552.001", "T1552.004", "T1003.008"),
    false="A person who looks at his own key; a backup of homes under a new program.",
    severity=60,
    urgent=True,
)

SECRETS = (
    r"/\.ssh/(id_[^/]*|[^/]*\.pem|[^/]*_key|identity)$|/ssh_host_[^/]*_key$|^/etc/(shadow|gshadow|munge/munge\.key|krb5\.keytab)-?$|"
    r"/\.aws/credentials$|/\.kube/config$|kubeconfig|/kubernetes/(admin|super-admin)\.conf$|/\.config/gcloud/|/\.azure/|"
    r"/\.netrc$|/\.git-credentials$|/\.docker/config\.json$|/\.huggingface/token$|/\.cache/huggingface/token$|/\.pgpass$|"
    r"/\.[^ ]*/(api_)?token$|"
    r"/secrets?/|/serviceaccount/token$|\.pem$|\.p12$|\.pfx$|\.keytab$|/jwt_hs256\.key$|/slurmdbd\.conf$|/\.vault-token$|"
    r"/\.netrc$|/\.config/(wandb|rclone/rclone\.conf)|/etc/ringfence/|/private[_-]?key|/tls\.key$|/credentials(\.json)?$"
)
"""Paths of files that are secrets; and words of which each has one."""
WORDS = (
    "/.",
    "_key",
    "/etc/",
    "secret",
    "token",
    "key",
    ".pem",
    ".p12",
    ".pfx",
    "credential",
    "kube",
    "slurmdbd",
    "identity",
)
_USERS = (
    "ssh sshd ssh-add ssh-agent ssh-keygen scp sftp rsync git munged sssd login su sudo passwd unix_chkpwd cron "
    "systemd slurmctld slurmd slurmdbd kubelet kubectl aws gcloud docker containerd enroot rclone curl wandb "
    "huggingface-cli k3s ringfence"
)
USERS = frozenset(_USERS.split())
"""Programs that use secrets as their work."""
USUAL = 3
BURST = 4
_READS = (2, 14)


class State(msgspec.Struct):
    """(program, kind of secret, whose) → hosts on which it is read, and secrets read lately by host and account."""

    learning: Learning = msgspec.field(default_factory=Learning)
    usual: Spread = msgspec.field(default_factory=lambda: Spread(owners=USUAL))
    read: Among = msgspec.field(default_factory=lambda: Among(span=HOUR))


def step(state: State, batch: Batch, view: View) -> Iterator[Signal]:
    """Reads of files that are no known data and whose path is a secret's."""
    rows = batch.rows(classes.FILE)
    rows = rows[np.isin(batch.numbers("activity_id")[rows], _READS) & (batch.codes("file.data").codes[rows] < 0)]
    rows = matching(batch, "file.path", rows, SECRETS, WORDS)
    if not len(rows):
        return
    learned = state.learning.done(clock(batch))
    for row in rows.tolist():
        yield from _judge(state, who(batch, row), batch.text("file.path", row), learned)


def tick(state: State, now: int, view: View) -> Iterator[Signal]:
    """Time is part of what is learned."""
    state.learning.passed(now)
    yield from ()


def _judge(state: State, one: Who, path: str, learned: bool) -> Iterator[Signal]:
    own = f"/{one.user}/" in path or (one.user == "root" and not path.startswith("/home/"))
    kind = path.rpartition("/")[2]
    habit = f"{one.process}|{kind}|{'own' if own else one.user}"
    usual = state.usual.count(habit) >= USUAL and learned
    if not learned:
        state.usual.add(habit, one.host, one.time)
    many = state.read.add(f"{one.host}|{one.user}", path, one.time)
    if usual or (own and one.process in USERS and many < BURST):
        return
    if not learned and own:
        return
    whose = "" if own else f", which is not {one.user or 'its reader'}'s"
    why = f"{one.process or 'a process'} of {one.user or 'nobody known'} read {shown(path)}{whose}"
    why += f", and {many - 1} secrets more within the hour" if many > 1 else ""
    confidence = min((0.5 if own else 0.65) + 0.05 * (many - 1), 0.9)
    yield noticed(about, one, f"{one.host}|{one.user}", why, confidence=confidence, holds=foothold(one))
