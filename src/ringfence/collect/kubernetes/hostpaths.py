"""What lies where on a host: which mounted paths give an attacker something, one line and one reason each.

A row ending in `/` is a folder whose whole content counts; `*` is any one name. A mount gives a row where
it is the row's path, lies above it (a mount of `/etc` shows `/etc/shadow`), or, for folders, lies below it
(a mount of `/root/.ssh/id_rsa`). Everything else gives nothing: `/etc/localtime`, `/etc/ssl/certs`,
`/var/lib/kubelet/device-plugins` (a false device is not root), `/usr/share`, `/dev` (the device cgroup of an
unprivileged container refuses what is opened there). A file left out here on purpose is no escape;
a file missing here is a gap to be filled by a line.
"""

Rows = tuple[tuple[str, str], ...]

SECRETS: Rows = (
    ("/etc/shadow", "password hashes"),
    ("/etc/gshadow", "password hashes of groups"),
    ("/etc/ssh/ssh_host_rsa_key", "the host's own key"),
    ("/etc/ssh/ssh_host_ecdsa_key", "the host's own key"),
    ("/etc/ssh/ssh_host_ed25519_key", "the host's own key"),
    ("/etc/ssl/private/", "private keys of services"),
    ("/etc/pki/tls/private/", "private keys of services"),
    ("/etc/letsencrypt/", "private keys of services"),
    ("/etc/krb5.keytab", "the host's Kerberos key"),
    ("/etc/sssd/", "the password that the host binds to the directory with"),
    ("/etc/NetworkManager/system-connections/", "network passwords"),
    ("/etc/munge/", "the key that every host of the batch cluster trusts"),
    ("/etc/slurm/slurmdbd.conf", "the database's password"),
    ("/etc/slurm/slurm.key", "the key that every host of the batch cluster trusts"),
    ("/etc/slurm/jwt_hs256.key", "the key that signs tokens of any user"),
    ("/var/spool/slurmctld/", "the controller's state, where the key for tokens is often kept"),
    ("/etc/kubernetes/admin.conf", "an administrator's key"),
    ("/etc/kubernetes/super-admin.conf", "an administrator's key that no role limits"),
    ("/etc/kubernetes/controller-manager.conf", "a control plane component's key"),
    ("/etc/kubernetes/scheduler.conf", "a control plane component's key"),
    ("/etc/kubernetes/kubelet.conf", "the kubelet's key, or where it lies"),
    ("/etc/kubernetes/pki/", "the cluster's authorities, on its control plane"),
    ("/etc/kubernetes/ssl/", "the cluster's authorities, as some installers name the folder"),
    ("/etc/rancher/k3s/k3s.yaml", "an administrator's key"),
    ("/etc/rancher/rke2/rke2.yaml", "an administrator's key"),
    ("/etc/rancher/node/password", "what the node joins with"),
    ("/var/lib/rancher/*/server/", "authorities, tokens and the database of the control plane"),
    ("/var/lib/rancher/*/agent/", "the kubelet's key"),
    ("/var/lib/etcd/", "every Secret of the cluster"),
    ("/var/lib/kubelet/pki/", "the kubelet's key"),
    ("/var/lib/kubelet/pods/", "tokens and Secrets of every pod of the node"),
    ("/var/lib/docker/containers/", "every container's environment"),
    ("/run/containerd/io.containerd.runtime.v2.task/", "every container's environment and files"),
    ("/run/secrets/", "secrets handed to services"),
    ("/proc/1/environ", "environments of processes, those of other containers among them"),
    ("/root/.ssh/", "root's keys"),
    ("/root/.kube/", "root's key of a cluster"),
    ("/root/.aws/", "root's key of a cloud"),
    ("/root/.config/", "keys of clouds and tools"),
    ("/root/.docker/", "passwords of registries"),
    ("/root/.gnupg/", "root's keys"),
    ("/root/.netrc", "passwords"),
    ("/home/*/.ssh/", "an account's keys"),
    ("/home/*/.kube/", "an account's key of a cluster"),
    ("/home/*/.aws/", "an account's key of a cloud"),
    ("/home/*/.config/", "keys of clouds and tools"),
    ("/home/*/.docker/", "passwords of registries"),
    ("/home/*/.gnupg/", "an account's keys"),
    ("/home/*/.netrc", "passwords"),
)
"""Files that only root or their owner reads. Public halves below them (`PUBLIC`) are none."""

PUBLIC = ("known_hosts", "authorized_keys")
PUBLIC_ENDINGS = (".crt", ".pub", ".csr")

CODE: Rows = (
    ("/etc/crontab", "cron runs it as root"),
    ("/etc/anacrontab", "anacron runs it as root"),
    ("/etc/cron.d/", "cron runs it as root"),
    ("/etc/cron.hourly/", "cron runs it as root"),
    ("/etc/cron.daily/", "cron runs it as root"),
    ("/etc/cron.weekly/", "cron runs it as root"),
    ("/etc/cron.monthly/", "cron runs it as root"),
    ("/var/spool/cron/", "cron runs it as root"),
    ("/etc/systemd/", "units and generators that run as root"),
    ("/run/systemd/system/", "units that run as root"),
    ("/run/systemd/private", "the service manager's own socket"),
    ("/etc/init.d/", "run as root at start"),
    ("/etc/rc.local", "run as root at start"),
    ("/etc/ld.so.preload", "every program loads it"),
    ("/etc/ld.so.conf", "where every program's libraries come from"),
    ("/etc/ld.so.conf.d/", "where every program's libraries come from"),
    ("/etc/ld.so.cache", "where every program's libraries come from"),
    ("/etc/profile", "root's shell runs it at login"),
    ("/etc/profile.d/", "root's shell runs it at login"),
    ("/etc/passwd", "who is root"),
    ("/etc/shadow", "root's password"),
    ("/etc/sudoers", "who may become root"),
    ("/etc/sudoers.d/", "who may become root"),
    ("/etc/pam.d/", "how logins are admitted, and what runs at them"),
    ("/etc/ssh/sshd_config", "how logins are admitted, and what runs at them"),
    ("/etc/ssh/sshd_config.d/", "how logins are admitted, and what runs at them"),
    ("/etc/udev/", "rules that run programs as root"),
    ("/etc/modprobe.d/", "commands that root runs when a module is loaded"),
    ("/etc/logrotate.d/", "scripts that root runs"),
    ("/etc/NetworkManager/dispatcher.d/", "scripts that root runs"),
    ("/etc/cni/net.d/", "which plugins the runtime runs as root for every new pod"),
    ("/opt/cni/bin/", "the runtime runs them as root for every new pod"),
    ("/etc/containerd/", "the runtime's configuration names programs that root runs"),
    ("/etc/docker/", "the runtime's configuration names programs that root runs"),
    ("/etc/crio/", "the runtime's configuration names programs that root runs"),
    ("/etc/nvidia-container-runtime/", "its configuration names programs that root runs"),
    ("/etc/kubernetes/manifests/", "the kubelet runs every pod written there, privileged too"),
    ("/etc/kubernetes/kubelet.conf", "which API the kubelet obeys"),
    ("/etc/default/kubelet", "the kubelet's arguments"),
    ("/etc/sysconfig/kubelet", "the kubelet's arguments"),
    ("/etc/slurm/slurm.conf", "names scripts that root runs before and after jobs"),
    ("/etc/slurm/plugstack.conf", "names libraries that root's daemons load"),
    ("/var/lib/kubelet/config.yaml", "where the kubelet looks for pods to run"),
    ("/var/lib/kubelet/kubeadm-flags.env", "the kubelet's arguments"),
    ("/var/lib/kubelet/pods/", "the kubelet writes there as root and follows what it finds"),
    ("/var/lib/kubelet/plugins", "sockets of all storage drivers, which the kubelet obeys (not one driver's)"),
    ("/var/lib/rancher/*/server/", "the control plane's manifests and programs"),
    ("/var/lib/rancher/*/agent/", "the kubelet's and the runtime's configuration"),
    ("/var/lib/rancher/*/data/", "programs that root runs"),
    ("/var/lib/rancher/*/bin/", "programs that root runs"),
    ("/var/lib/containerd/io.containerd.snapshotter.v1.overlayfs/", "programs of every container, privileged ones too"),
    ("/var/lib/containers/storage/overlay/", "programs of every container, privileged ones too"),
    ("/var/lib/docker/overlay2/", "programs of every container, privileged ones too"),
    ("/var/lib/docker/containers/", "each container's settings, privileged among them, read at the next start"),
    ("/run/containerd/io.containerd.runtime.v2.task/", "what the runtime starts as root"),
    ("/usr/bin/", "programs that root runs"),
    ("/usr/sbin/", "programs that root runs"),
    ("/usr/lib/", "libraries, units and kernel modules that root loads"),
    ("/usr/lib64/", "libraries that root loads"),
    ("/usr/libexec/", "programs that root runs"),
    ("/usr/local/bin/", "programs that root runs"),
    ("/usr/local/sbin/", "programs that root runs"),
    ("/usr/local/lib/", "libraries that root loads"),
    ("/bin/", "programs that root runs"),
    ("/sbin/", "programs that root runs"),
    ("/lib/", "libraries, units and kernel modules that root loads"),
    ("/lib64/", "libraries that root loads"),
    ("/boot/", "the kernel that starts next"),
    ("/root/.ssh/", "who may log in as root"),
    ("/root/.bashrc", "root's shell runs it"),
    ("/root/.bash_profile", "root's shell runs it"),
    ("/root/.profile", "root's shell runs it"),
    ("/sys/kernel/uevent_helper", "the kernel runs the program it names as root, where it is built to"),
)  # fmt: skip
"""What root of the host runs or obeys. `DATA` below it is neither."""

DATA: Rows = (
    ("/usr/lib/os-release", "the system's name"),
    ("/usr/lib/locale/", "texts"),
    ("/usr/lib/firmware/", "programs of devices, which check them"),
    ("/lib/firmware/", "programs of devices, which check them"),
    ("/root/.ssh/known_hosts", "public keys of other hosts"),
    ("/home/*/.ssh/known_hosts", "public keys of other hosts"),
)

HOMES: Rows = (
    ("/home/*/.ssh/", "who may log in as the account"),
    ("/home/*/.bashrc", "the account's shell runs it"),
    ("/home/*/.bash_profile", "the account's shell runs it"),
    ("/home/*/.profile", "the account's shell runs it"),
)
"""What accounts of the host run or obey."""

IDENTITY: Rows = (
    ("/etc/kubernetes/kubelet.conf", "the kubelet's key, or where it lies"),
    ("/etc/kubernetes/pki", "the kubelet's key where no certificate rotates"),
    ("/var/lib/kubelet/pki/", "the kubelet's key"),
    ("/var/lib/rancher/*/agent/", "the kubelet's key"),
)
"""The kubelet's own account."""

SOCKETS: Rows = (
    ("/run/containerd/containerd.sock", "containerd"),
    ("/run/k3s/containerd/containerd.sock", "containerd"),
    ("/run/docker.sock", "Docker"),
    ("/run/cri-dockerd.sock", "Docker behind the kubelet"),
    ("/run/crio/crio.sock", "CRI-O"),
    ("/run/podman/podman.sock", "Podman"),
)
"""Sockets of container runtimes; connecting is writing nothing, so a read-only mount is enough."""

LOGS: Rows = (("/var/log/pods", "the kubelet serves what lies there, as root"),)
PODS: Rows = (("/var/lib/kubelet/pods/", "the volumes of every pod of the node"),)
ETCD: Rows = (("/var/lib/etcd/", "every object of the cluster, Secrets too"),)
"""Only a mount of the folder itself or below it counts: nodes without a control plane have no such folder."""

KERNEL: Rows = (("/proc/sys/kernel/core_pattern", "the kernel runs the program that it names as root"),)


def gives(path: str, rows: Rows) -> bool:
    """Whether a mount of this normal path gives one of the rows."""
    mounted = _parts(path)
    return any(_meets(mounted, row) for row, _ in rows)


def lies_within(path: str, rows: Rows) -> bool:
    """Whether this normal path is one of the rows or lies below one; a parent is not enough."""
    mounted = _parts(path)
    return any(len(mounted) >= len(_parts(row)) and _meets(mounted, row) for row, _ in rows)


def is_public(path: str) -> bool:
    """Whether the path is that of a public half: a certificate, a list of known keys."""
    name = path.rpartition("/")[2]
    return name in PUBLIC or name.endswith(PUBLIC_ENDINGS)


def is_data(path: str) -> bool:
    """Whether the path is one of `DATA` or lies below one (not above: there the rest lies too)."""
    return lies_within(path, DATA)


def _parts(path: str) -> list[str]:
    return [part for part in path.split("/") if part]


def _meets(mounted: list[str], row: str) -> bool:
    wanted = _parts(row)
    if len(mounted) > len(wanted) and not row.endswith("/"):
        return False
    return all(have == want or want == "*" for have, want in zip(mounted, wanted, strict=False))
