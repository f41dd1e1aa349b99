"""Readers of what a host says about itself."""

import base64

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ringfence.errors import InputError
from ringfence.wire.host import (
    accounts,
    addresses,
    equiv,
    hashed,
    inventory,
    jupyter,
    kernel,
    modes,
    pam,
    runtime,
    sessions,
    sockets,
    sshd,
    sshkeys,
    sudoers,
    units,
    versions,
)

BLOB = b"\0\0\0\x0bssh-ed25519\0\0\0\x20" + bytes(range(32))
KEY = b"ssh-ed25519 " + base64.b64encode(BLOB)

SAMPLES = (
    (accounts.passwd, b"root:x:0:0:root:/root:/bin/bash\nalice:x:1001:1001::/home/alice:/bin/bash\n"),
    (accounts.group, b"root:x:0:\ndocker:x:999:alice,bob\n"),
    (sshkeys.authorized_keys, b'from="10.0.0.*",command="/bin/echo \\"a b\\"" ' + KEY + b" alice@laptop\n"),
    (sshkeys.known_hosts, b"gpu0001,10.0.0.5 " + KEY + b"\n|1|abc=|def= " + KEY + b"\n"),
    (hashed.secrets, b"0600 alice sha256:" + b"ab" * 32 + b" /home/alice/.ssh/id_ed25519\n"),
    (sshd.config, b"PermitRootLogin yes\nAllowUsers a b\nMatch Address 10.0.0.0/8\n UsePAM yes\n"),
    (sshd.client, b"Host *\n  ForwardAgent yes\n"),
    (pam.rules, b"account required pam_slurm_adopt.so\n@include c-auth\nauth [success=1 default=ignore] pam_unix.so\n"),
    (sudoers.grants, b"User_Alias OPS = alice, bob\nCmnd_Alias SH = /bin/bash\nOPS ALL=(ALL) NOPASSWD: SH, /bin/ls\n"),
    (equiv.trusted, b"login01\n+ alice\n-bad\n"),
    (sockets.sockets, b'tcp LISTEN 0 128 [::]:22 [::]:* users:(("ssh",pid=8,fd=4))\nudp UNCONN 0 0 [::1]%lo:53 *:*\n'),
    (modes.nodes, b"c 666 root root /dev/nvidia0\ncrw-rw-rw- 1 root root 195, 0 May  4 09:00 /dev/nvidia1\n"),
    (kernel.cmdline, b"BOOT_IMAGE=/vmlinuz root=/dev/sda1 iommu=pt quiet\n"),
    (kernel.iommu_groups, b"/sys/kernel/iommu_groups\n/sys/kernel/iommu_groups/0\n"),
    (kernel.sysctl, b"kernel.yama.ptrace_scope = 1\n"),
    (runtime.toolkit, b'[nvidia-container-runtime]\nmode = "cdi"\n'),
    (runtime.docker, b'{"hosts": ["tcp://0.0.0.0:2375"]}'),
    (runtime.keyed, b"allow setuid = yes\nENROOT_RUNTIME_PATH /run\n"),
    (versions.os_release, b'ID=debian\nVERSION_ID="12"\n'),
    (versions.packages, b"dpkg openssh-server 1:9.2p1-2 ii \nrpm slurm 24.05.1-1\n"),
    (versions.banner, b"NVIDIA Container Toolkit CLI version 1.17.4\ncommit: abc\n"),
    (addresses.subnets, b'[{"ifname":"eth0","link_type":"ether","addr_info":[{"local":"10.0.0.5","prefixlen":16}]}]'),
    (addresses.routes, b'[{"dst":"default","gateway":"10.0.0.1","dev":"eth0"}]'),
    (addresses.names, b"10.0.0.5 gpu0001.site gpu0001 # first\n"),
    (sessions.who, b"alice pts/0 2026-05-04 09:12 (10.9.0.7)\n"),
    (sessions.loginctl, b"SESSION UID USER SEAT TTY\n 3 1001 alice - pts/0\n"),
    (sessions.processes, b"    1 root systemd\n"),
    (units.unit, b"[Service]\nUser=alice\nExecStart=/opt/x/run --to /data/y\n"),
    (units.cron, b"*/5 * * * * root /opt/health/check.sh >/dev/null\n"),
    (jupyter.config, b"c.ServerApp.token = ''\nc.ServerApp.password = ''\n"),
    (inventory.inventory, b'inventory = 1\n[[workstation]]\nname = "laptop1"\npeople = ["alice"]\n'),
)  # fmt: skip


def test_root_shells_are_told_from_accounts_without_one():
    """nologin and false give no shell; an empty field means /bin/sh."""
    shells = [
        accounts.Account("a", 1000, 1000, "/", shell).may_have_shell for shell in ("/bin/bash", "", "/usr/sbin/nologin")
    ]
    assert shells == [True, True, False]


def test_options_of_a_key_are_read_with_their_quotes():
    """A forced command may hold spaces, commas and quotes of its own."""
    (key,) = sshkeys.authorized_keys(b'no-pty,command="scp -t \\"a, b\\"",from="10.*" ' + KEY + b" me\n")
    assert key.option("command") == 'scp -t "a, b"'
    assert key.option("from") == "10.*"
    assert key.option("no-pty") == ""
    assert (key.blob, key.comment) == (BLOB, "me")


def test_a_key_that_is_not_of_its_own_type_is_refused():
    """The type stands inside the key a second time."""
    with pytest.raises(InputError) as caught:
        sshkeys.authorized_keys(b"# old\nssh-rsa " + base64.b64encode(BLOB) + b"\n")
    assert caught.value.line == 2


def test_the_first_value_of_sshd_config_counts():
    """Later lines do not change it, Match blocks are kept apart, lists add up."""
    found = sshd.config(
        b"PermitRootLogin no\nPermitRootLogin yes\nAllowUsers a\nAllowUsers b\nMatch User x\nPermitRootLogin yes\n"
    )
    assert found.get("permitrootlogin") == "no"
    assert found.every("permitrootlogin") == ("no", "yes")
    assert found.get("allowusers") == "a b"
    assert found.get("passwordauthentication") == "yes"


def test_included_files_stand_where_they_are_included():
    """A drop-in that comes first wins; one that was not captured is named."""
    main = b"Include /etc/ssh/sshd_config.d/*.conf\nInclude /etc/ssh/other\nPermitRootLogin no\n"
    found = sshd.config(main, {"/etc/ssh/sshd_config.d/50-root.conf": b"PermitRootLogin yes\n"})
    assert found.get("permitrootlogin") == "yes"
    assert found.missing == ("/etc/ssh/other",)


def test_a_config_that_includes_itself_is_refused():
    """It ends with an error, not with a loop."""
    with pytest.raises(InputError):
        sshd.config(b"Include /etc/ssh/x\n", {"/etc/ssh/x": b"Include /etc/ssh/x\n"})


@pytest.mark.parametrize(
    ("line", "root"),
    [
        ("alice ALL=(ALL) NOPASSWD: ALL", True),
        ("alice ALL=(root) /usr/bin/vim /etc/motd", True),
        ("alice ALL=(backup) ALL", False),
        ("alice ALL=/usr/bin/id", False),
        ("alice,bob gpu1, gpu2 = (ALL:ALL) ALL", True),
        ("%hpc ALL=(ALL) /bin/systemctl restart x", True),
        ("alice ALL=(ALL) NOPASSWD: /usr/bin/id, PASSWD: /bin/su -", True),
    ],
)
def test_sudo_commands_that_amount_to_root_are_known(line, root):
    """ALL, a shell, an editor: root. A harmless command or another account: not."""
    assert any(grant.is_root for grant in sudoers.grants(line.encode())) is root


def test_password_tags_hold_until_changed():
    """NOPASSWD counts for the commands after it, PASSWD ends it."""
    found = sudoers.grants(b"a ALL=(ALL) NOPASSWD: /bin/a, /bin/b, PASSWD: /bin/c\n")
    assert [grant.nopasswd for grant in found] == [True, True, False]


def test_aliases_that_contain_themselves_end():
    """A cycle of aliases is walked once."""
    found = sudoers.grants(b"User_Alias A = B, x\nUser_Alias B = A, y\nA ALL=(ALL) ALL\n")
    assert {grant.who for grant in found} == {"x", "y"}


def test_an_optional_module_decides_nothing():
    """pam_slurm_adopt as `optional` does not keep anyone out."""
    assert not pam.uses(pam.rules(b"account optional pam_slurm_adopt.so\n"), "pam_slurm_adopt.so")
    assert pam.uses(pam.rules(b"-account required pam_slurm_adopt.so\n"), "pam_slurm_adopt.so")


def test_sockets_of_all_forms_are_read():
    """With and without the protocol, IPv6 in brackets, a device after `%`."""
    found = sockets.sockets(
        b'LISTEN 0 128 *:8265 *:* users:(("raylet",pid=7,fd=1))\nudp UNCONN 0 0 [fe80::1]%eth0:546 [::]:*\n'
    )
    assert [(one.address, one.port) for one in found] == [("*", 8265), ("fe80::1", 546)]
    assert found[0].programs == (("raylet", 7),)


def test_modes_of_ls_and_find_agree():
    """Both ways of listing give the same bits."""
    one, two = modes.nodes(b"c 666 root video /dev/nvidia0\ncrw-rw-rw- 1 root video 195, 0 May  4 09:00 nvidia0\n")
    assert one == two


def test_only_an_empty_token_without_password_is_open():
    """The default is a random token."""
    assert jupyter.config(b"c.ServerApp.token = ''\n").open
    assert not jupyter.config(b"c.ServerApp.token = ''\nc.ServerApp.password = 'argon2:x'\n").open
    assert not jupyter.config(b"c.ServerApp.ip = '0.0.0.0'\n").open
    assert jupyter.config(b'{"ServerApp": {"token": "", "password": ""}}').open


def test_iommu_words_are_understood():
    """Off beats pass-through beats on; silence is not an answer."""
    lines = (b"x intel_iommu=on iommu=pt", b"x amd_iommu=off", b"x intel_iommu=on", b"x quiet")
    assert [kernel.iommu(kernel.cmdline(line)) for line in lines] == ["pt", "off", "on", ""]


def test_container_bridges_and_loopback_are_not_networks():
    """A host's own bridges lead nowhere."""
    loop = b'{"ifname":"lo","addr_info":[{"local":"127.0.0.1","prefixlen":8}]}'
    bridge = b'{"ifname":"docker0","addr_info":[{"local":"172.17.0.1","prefixlen":16}]}'
    fabric = b'{"ifname":"ib0","link_type":"infiniband","addr_info":[{"local":"10.5.0.9","prefixlen":16}]}'
    data = b"[" + b",".join((loop, bridge, fabric)) + b"]"
    assert [one.network for one in addresses.subnets(data)] == ["10.5.0.0/16"]


def test_an_unknown_name_in_an_inventory_is_refused():
    """A slip of the pen must not silently lose a jewel."""
    with pytest.raises(InputError):
        inventory.inventory(b'inventory = 1\n[[jewels]]\nentity = "model:x"\n')


@pytest.mark.parametrize(
    ("reader", "sample"), SAMPLES, ids=[f"{r.__module__.rpartition('.')[2]}.{r.__name__}" for r, _ in SAMPLES]
)
def test_every_sample_is_read(reader, sample):
    """The samples of the fuzz test are good ones."""
    assert reader(sample)


@pytest.mark.parametrize(
    ("reader", "sample"), SAMPLES, ids=[f"{r.__module__.rpartition('.')[2]}.{r.__name__}" for r, _ in SAMPLES]
)
@settings(max_examples=40, deadline=None)
@given(data=st.data())
def test_bad_bytes_raise_input_error_only(reader, sample, data):
    """Mutated samples and arbitrary bytes are read or refused, never worse."""
    at = data.draw(st.integers(0, len(sample)))
    junk = data.draw(st.binary(max_size=40))
    for text in (sample[:at] + junk + sample[at + len(junk) :], junk, sample[:at]):
        try:
            reader(text)
        except InputError:
            continue


@settings(max_examples=60, deadline=None)
@given(st.binary(max_size=400))
def test_no_recogniser_raises(head):
    """A recogniser is shown anything at all."""
    from ringfence.collect.hosts_bundle import classify

    for path in ("hosts/a/ps", "hosts/a/cmdline", "x/daemon.json", "hosts/a/uname"):
        assert isinstance(classify(path, head), str)
