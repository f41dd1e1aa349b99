"""Files of others are changed as little as can be, the same way twice, and whatever stands in them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ringfence.errors import InputError
from ringfence.wire.host.edits import ASSIGN, EDIT, PAM_LINES, export_options, mount_options, pam_adopt
from ringfence.wire.host.pam import rules
from ringfence.wire.storage import exports

PIECES = st.sampled_from(
    ["a=b\n", "ConstrainDevices = no # x\n", "[s]\n", "k = 1\n", "# k = 2\n", "account required pam_unix.so\n",
     "@include common-account\n", "session optional pam_systemd.so\n", "/x *(ro)\n", "/y h(rw,no_root_squash)\n",
     "s:/a /a nfs rw 0 0\n", "\n", "\x00\xff \udcff\n", "last"]
)  # fmt: skip
FILES = st.one_of(st.binary(max_size=300), st.lists(PIECES, max_size=12).map(lambda p: "".join(p).encode("utf-8", "surrogateescape")))  # fmt: skip  # noqa: E501


@given(FILES, st.sampled_from([("slurm", "ConstrainDevices", "yes"), ("toml", "s.k", "true"), ("toml", "k", "false")]))
def test_a_key_that_was_set_is_read_back_and_setting_it_again_changes_nothing(data, wanted):
    """Whatever the file held; and all other lines stand as they stood."""
    style, key, value = wanted
    value_of, with_value = ASSIGN[style]
    once = with_value(data, key, value)
    assert value_of(once, key) == value
    assert with_value(once, key, value) == once
    lost = set(data.splitlines()) - set(once.splitlines())
    assert all(key.rpartition(".")[2].lower().encode() in line.lower() for line in lost)


@given(FILES, st.sampled_from(sorted(EDIT)))
def test_what_was_put_right_is_right(data, style):
    """Or people have to decide, and the line is told."""
    try:
        once = EDIT[style](data)
    except InputError:
        return
    assert EDIT[style](once) == once


def test_slurm_keeps_comments_and_the_case_of_the_sites_name():
    value_of, with_value = ASSIGN["slurm"]
    assert with_value(b"constraindevices=no  # since 2019\nA=b", "ConstrainDevices", "yes") == (
        b"constraindevices=yes  # since 2019\nA=b"
    )
    assert with_value(b"A=b", "ConstrainDevices", "yes") == b"A=b\nConstrainDevices=yes\n"
    assert value_of(b"# ConstrainDevices=yes\n", "ConstrainDevices") is None


def test_a_key_of_a_section_goes_into_that_section():
    with_value = ASSIGN["toml"][1]
    assert with_value(b"[a]\nx = 1\n[features]\ny = 2\n", "features.k", "true") == (
        b"[a]\nx = 1\n[features]\nk = true\ny = 2\n"
    )
    assert with_value(b"x = 1\n", "features.k", "true") == b"x = 1\n[features]\nk = true\n"
    assert with_value(b"[a]\nk = 1\n", "k", "true") == b"k = true\n[a]\nk = 1\n"


def test_the_rule_for_jobs_is_the_last_of_its_phase_behind_the_way_of_administrators():
    """On Debian's file, on Red Hat's, and where somebody put it in the middle."""
    debian = b"@include common-auth\naccount required pam_nologin.so\n@include common-account\nsession required a.so\n"
    redhat = b"auth substack password-auth\naccount include password-auth\npassword include password-auth\n"
    for file in (debian, redhat):
        phase = [rule for rule in rules(pam_adopt(file)) if rule.kind == "account" and rule.control != "include"]
        assert [one.module for one in phase[-2:]] == ["pam_access.so", "pam_slurm_adopt.so"]
        lines = pam_adopt(file).decode().splitlines()
        assert lines[-3:-1] == list(PAM_LINES)
    with pytest.raises(InputError, match="before another rule"):
        pam_adopt(b"account required pam_slurm_adopt.so\naccount required pam_unix.so\n")
    with pytest.raises(InputError, match="lets people in"):
        pam_adopt(b"account sufficient pam_ldap.so\naccount required pam_unix.so\n")
    theirs = b"account required pam_unix.so\naccount required pam_slurm_adopt.so\n@include common-session\n"
    assert pam_adopt(theirs) == theirs


def test_mounts_keep_their_other_options_and_their_spaces():
    assert mount_options(b"s:/a\t/a  nfs4 rw,suid,hard\t0 0\n/dev/sda / ext4 defaults 0 1\n") == (
        b"s:/a\t/a  nfs4 rw,hard,nosuid,nodev\t0 0\n/dev/sda / ext4 defaults 0 1\n"
    )


def test_no_client_is_root_after_it_as_the_reader_of_exports_sees_it():
    """By other code than wrote it."""
    once = export_options(b"/a 10.0.0.0/8(rw,no_root_squash,insecure) h2(no_root_squash)\n/b *(ro)\n")
    found = exports.parse(once)
    clients = [client for export in found.exports for client in export.clients]
    assert not found.faults
    assert {(one.squash, one.insecure) for one in clients} == {("root", False)}
    with pytest.raises(InputError, match="everybody"):
        export_options(b"/a *(rw)\n")
