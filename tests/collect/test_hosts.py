"""What hosts say about themselves becomes facts that agree with one another."""

import base64
import json

from hypothesis import given, settings
from hypothesis import strategies as st

from ringfence.collect import hosts, hosts_inventory
from ringfence.collect.base import CapturedFile, Scope
from ringfence.errors import Problem
from ringfence.estate import ids

SALT = b"s" * 16
BLOB = b"\0\0\0\x0bssh-ed25519\0\0\0\x20" + bytes(32)
KEY = "ssh-ed25519 " + base64.b64encode(BLOB).decode()
PASSWD = (
    "root:x:0:0::/root:/bin/bash\nalice:x:1001:1001::/home/alice:/bin/bash\nsvc:x:990:990::/srv:/usr/sbin/nologin\n"
)
ADDRESSES = json.dumps(
    [{"ifname": "eth0", "link_type": "ether", "addr_info": [{"local": "10.1.0.5", "prefixlen": 24, "scope": "global"}]}]
)


def collected(files, collect=hosts.collect, form="hosts"):
    """(facts as triples, problems) of path → text."""
    captured = [CapturedFile(path, text.encode(), 1.0) for path, text in files.items()]
    found = list(collect(form, captured, Scope(cluster="alpha", salt=SALT)))
    facts = {(f.subject, f.predicate, f.object) for f in found if not isinstance(f, Problem)}
    return facts, [f for f in found if isinstance(f, Problem)]


def on(host, **files):
    """Files of one host; `__` in a name stands for `/`."""
    return {f"hosts/{host}/{name.replace('__', '/')}": text for name, text in files.items()}


def test_a_key_and_its_private_half_are_one_credential():
    """The .pub file beside a private key says which accounts it opens."""
    secret = "0600 alice sha256:" + "ab" * 32 + " /home/alice/.ssh/id_ed25519\n"
    files = on("a", passwd=PASSWD, secrets=secret)
    files["hosts/a/home/alice/.ssh/id_ed25519.pub"] = KEY + " me\n"
    files["hosts/b/root/.ssh/authorized_keys"] = KEY + " me\n"
    facts, problems = collected(files)
    credential = ids.credential("ssh", BLOB, SALT)
    assert not problems
    assert ("host:a", "stores_credential", credential) in facts
    assert ("identity:alice", "keeps_credential", credential) in facts
    assert ("host:b", "accepts_key", credential) in facts
    assert not any(predicate == "unlocks" for _, predicate, _ in facts)


def test_a_forced_command_opens_no_account():
    """A key that runs one command gives no shell."""
    facts, _ = collected({"hosts/a/home/alice/.ssh/authorized_keys": f'command="/bin/true" {KEY}\n'})
    assert not any(predicate == "unlocks" for _, predicate, _ in facts)


def test_a_home_outside_usual_folders_is_found_by_passwd():
    """The account is the one whose home it is, not the folder's name."""
    files = on("a", passwd=PASSWD.replace("/home/alice", "/mnt/h/u1001"))
    files["hosts/a/mnt/h/u1001/.ssh/authorized_keys"] = KEY + "\n"
    assert any(f[1:] == ("unlocks", "identity:alice") for f in collected(files)[0])


def test_accounts_of_many_hosts_cost_no_product():
    """A directory of 50 accounts on 40 hosts is a hub: 90 facts, not 2,000."""
    people = "".join(f"u{n:02d}:x:{2000 + n}:100::/home/u{n:02d}:/bin/bash\n" for n in range(50))
    files = {f"hosts/gpu{n:02d}/passwd": people for n in range(40)}
    logins = [f for f in collected(files)[0] if f[1] in ("may_login", "member_of")]
    assert len(logins) == 90


def test_allow_groups_limits_who_logs_in():
    """sshd admits members only; the others have no `may_login`."""
    config = "AllowGroups ops\nPermitRootLogin no\nUsePAM yes\n"
    people = PASSWD + "bob:x:1002:1002::/home/bob:/bin/bash\n"
    files = on("a", passwd=people, group="root:x:0:\nops:x:50:bob\n", sshd_config=config)
    logins = {f[0] for f in collected(files)[0] if f[1] == "may_login"}
    assert logins == {"identity:bob"}


def test_slurm_adopt_behind_an_include_is_seen():
    """Many distributions put it into a common file."""
    files = on("a", pam_d__sshd="@include common-account\nauth required pam_unix.so\n")
    files["hosts/a/pam_d/common-account"] = "account required pam_slurm_adopt.so\n"
    assert ("host:a", "setting", "pam_slurm_adopt=on") in collected(files)[0]


def test_a_service_listens_where_its_host_has_addresses():
    """`0.0.0.0` is every network of the host, loopback is none; no address, no network."""
    listing = 'tcp LISTEN 0 9 0.0.0.0:22 0.0.0.0:* users:(("sshd",pid=1,fd=3))\n'
    listing += 'tcp LISTEN 0 9 127.0.0.1:8265 *:* users:(("raylet",pid=2,fd=3))\n'
    files = on("a", sockets=listing)
    files["hosts/a/ip-addr"] = ADDRESSES
    facts, _ = collected(files)
    assert ("service:a/ssh:22", "listens_on", "network:10.1.0.0/24") in facts
    assert ("service:a/ray:8265", "runs_on", "host:a") in facts
    assert not any(f[0] == "service:a/ray:8265" and f[1] in ("listens_on", "authenticates") for f in facts)
    assert not any(f[1] == "listens_on" for f in collected(on("a", sockets=listing))[0])


def test_services_by_port_only_where_the_program_is_unknown():
    """A database on 8888 is no Jupyter, a Python program there is."""
    line = 'tcp LISTEN 0 9 0.0.0.0:8888 0.0.0.0:* users:(("{}",pid=1,fd=3))\n'
    kinds = [
        {f[2] for f in collected(on("a", sockets=line.format(program)))[0] if f[1] == "service_kind"}
        for program in ("postgres", "python3")
    ]
    assert kinds == [set(), {"jupyter"}]


def test_devices_that_everyone_may_open():
    """0666 counts, 0660 does not."""
    listing = (
        "c 666 root root /dev/nvidia0\nc 660 root rdma /dev/infiniband/umad0\nc 666 root root /dev/infiniband/uverbs0\n"
    )
    devices = {f[2] for f in collected(on("a", devices=listing))[0] if f[1] == "device_open"}
    assert devices == {"gpu", "uverbs"}


def test_iommu_groups_show_an_iommu_that_works():
    """Groups are there only then; the command line's own word goes first; none is no claim."""
    top = "/sys/kernel/iommu_groups\n"
    groups = top + "".join(f"/sys/kernel/iommu_groups/{n}\n" for n in range(3))
    said = [
        {f[2] for f in collected(on("a", **files))[0] if f[1] == "setting"}
        for files in ({"iommu-groups": groups}, {"iommu-groups": groups, "cmdline": "ro iommu=pt\n"}, {"x": top})
    ]
    assert said == [{"iommu_groups=3", "iommu=on"}, {"iommu_groups=3", "iommu=pt"}, {"iommu_groups=0"}]


def test_the_toolkit_flaw_follows_the_version_and_the_mode():
    """1.17.8 is fixed; 1.17.7 is not, in any mode; 1.17.4 has a flaw under CDI only, 1.17.3 another one without."""

    def flaws(version: str, mode: str = "") -> set[str]:
        files = {"ctk": f"NVIDIA Container Toolkit CLI version {version}\n"}
        if mode:
            files["config"] = f'[nvidia-container-runtime]\nmode = "{mode}"\n'
        return {f[2] for f in collected(on("a", **files))[0] if f[1] == "vulnerable_to"}

    assert [flaws("1.17.8", mode) for mode in ("", "cdi", "legacy")] == [set(), set(), set()]
    assert [flaws("1.17.7", mode) for mode in ("", "cdi", "legacy")] == [{"CVE-2025-23266"}] * 3
    assert [flaws("1.17.4", mode) for mode in ("", "auto", "legacy")] == [set(), set(), set()]
    assert flaws("1.17.4", "cdi") == {"CVE-2025-23266"}
    assert flaws("1.17.3", "cdi") == {"CVE-2025-23266"}
    assert flaws("1.17.3", "legacy") == {"CVE-2025-23359"}


def test_hosts_equiv_counts_only_where_sshd_honours_it():
    """A long list is a hub."""
    names = "".join(f"gpu{n:03d}\n" for n in range(100))
    files = {
        **on("a", **{"shosts.equiv": names, "sshd_config": "HostbasedAuthentication yes\n"}),
        **on("b", passwd=PASSWD),
    }
    trusts = [f for f in collected(files)[0] if f[1] == "trusts_host"]
    assert len(trusts) == 101
    assert sum(f[0] == "host:a" for f in trusts) == 1
    assert not [f for f in collected(on("a", **{"shosts.equiv": names}))[0] if f[1] == "trusts_host"]


def test_a_broken_file_is_a_problem_and_a_hole_and_the_rest_goes_on():
    """The passwd file is cut short: named, asked without answer; sudoers still counts."""
    files = on("a", passwd=PASSWD + "bob:x:10", sudoers="alice ALL=(ALL) ALL\n")
    facts, problems = collected(files)
    assert [problem.file for problem in problems] == ["hosts/a/passwd"]
    assert problems[0].line == 4
    assert ("identity:alice", "may_sudo", "host:a") in facts


def test_every_aspect_with_a_file_is_answered():
    """Coverage says what was asked; what was not captured is not claimed."""
    files = on("a", passwd=PASSWD, sockets='tcp LISTEN 0 9 0.0.0.0:22 0.0.0.0:* users:(("sshd",pid=1,fd=3))\n')
    assert {f[2] for f in collected(files)[0] if f[1] == "asked"} == {"users", "sockets"}


def test_an_inventory_states_what_no_tool_knows():
    """People, federation, tenants, jewels, Ringfence itself."""
    text = f"""inventory = 1
[[workstation]]
name = "laptop1"
people = ["alice"]
networks = ["10.9.0.0/24"]
keys = ["{KEY}"]
[[federated]]
accounts = ["alice", "alice@cloud"]
[[zone]]
name = "compute"
hosts = ["gpu[001-003]"]
[[jewel]]
entity = "model:lm70b"
value = 5.0
[ringfence]
server = "mgmt01"
enforces = ["gpu[001-003]", "cluster:alpha"]
"""
    facts, problems = collected({"inventory.toml": text}, hosts_inventory.collect, "inventory")
    assert not problems
    assert ("identity:alice", "logs_in_from", "workstation:laptop1") in facts
    assert ("host:gpu002", "in_zone", "compute") in facts
    assert ("cluster:alpha", "enforced_by", "service:mgmt01/ringfence:8443") in facts
    assert ("workstation:laptop1", "stores_credential", ids.credential("ssh", BLOB, SALT)) in facts


@settings(max_examples=40, deadline=None)
@given(
    st.dictionaries(
        st.sampled_from(["passwd", "sudoers", "ip-addr", "sockets", "x.service", "ps", "sshd_config"]),
        st.binary(max_size=200),
        max_size=4,
    )
)
def test_nothing_in_a_file_stops_the_collector(files):
    """Whatever a file holds, it yields facts or problems."""
    captured = [CapturedFile(f"hosts/a/{name}", data) for name, data in files.items()]
    claimed = [file for file in captured if hosts.recognise(file.path, file.head)]
    assert isinstance(list(hosts.collect("hosts", claimed, Scope(salt=SALT))), list)


def test_an_answer_is_complete_only_where_nothing_of_it_was_unreadable():
    """One sudoers file cut short; listings count as whole where the one that is never empty is there."""
    listing = "s 660 root docker /run/docker.sock\n"
    files = on("a", sudoers="alice ALL=(ALL) ALL\n", **{"runtime-sockets": listing})
    files["hosts/a/etc/sudoers.d/bad"] = "alice ALL = (ALL) NOPASSWD: ALL\nbob\n"
    captured = [CapturedFile(path, text.encode(), 1.0) for path, text in files.items()]
    found = list(hosts.collect("hosts", captured, Scope(cluster="alpha", salt=SALT)))
    said = {f.object: dict(f.attributes) for f in found if not isinstance(f, Problem) and f.predicate == "asked"}
    assert said["sudoers"] == {"answered": True}
    assert said["runtime-sockets"] == {"answered": True, "complete": True}
    assert said["devices"] == {"answered": True}
