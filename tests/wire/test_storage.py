"""Export tables, mount tables, folder listings, nodemaps, bucket policies."""

import contextlib
import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ringfence.errors import InputError
from ringfence.wire.storage import bucket, exports, folders, lustre, mounts

HERE = Path(__file__).parents[1] / "fixtures" / "storage"


def table(name: str) -> dict[str, exports.Export]:
    return {each.path: each for each in exports.parse((HERE / name).read_bytes()).exports}


def test_a_client_without_options_gets_the_documented_defaults():
    """Read-only, root squashed, sec=sys; options behind a minus hold for the clients that follow."""
    weights = table("exports")["/export/weights"]
    named, group, anonymous = weights.clients
    assert (named.rw, named.squash, named.sec) == (True, "root", ("krb5p",))
    assert (group.spec, group.rw) == ("@trainers", False)
    assert (anonymous.squash, anonymous.sec) == ("all", ("krb5p", "sys"))


def test_a_space_before_the_options_gives_them_to_the_world():
    """The classic slip: the host keeps the defaults, everyone gets rw and root."""
    host, world = table("exports")["/export/scratch"].clients
    assert (host.spec, host.rw) == ("gpu1", False)
    assert (world.spec, world.rw, world.squash) == ("*", True, "none")


def test_quoted_paths_and_continued_lines_are_one_export():
    """As exports(5) writes them."""
    assert table("exports")["/export/old data"].clients[0].spec == "backup.example.org"
    assert table("exports")["/export"].clients[0].root_of_v4


def test_exportfs_wraps_long_paths():
    """The client on the next line belongs to the path before; `<world>` is everyone."""
    (client,) = table("exportfs-v")["/export/a-rather-long-path/that/wraps"].clients
    assert (client.spec, client.squash, client.sec) == ("*", "none", ("sys", "krb5"))


def test_a_bad_line_is_a_fault_and_the_others_count():
    """Nothing is lost silently."""
    read = exports.parse(b"/a *(rw)\nnonsense here\n/b *(ro\n")
    assert [each.path for each in read.exports] == ["/a"]
    assert [fault.line for fault in read.faults] == [2, 3]


def test_mounts_lead_to_servers_and_file_systems():
    """NFS by server, Lustre by file system and folder; escapes in paths are undone."""
    found = {each.target: each for each in mounts.parse_table((HERE / "mounts").read_bytes())}
    assert found["/home"].remote == ("nfs1", "/export/home")
    assert found["/home"].sec == "sys"
    assert found["/mnt/my weights"].remote == ("10.1.64.5", "/export/weights")
    assert not found["/mnt/my weights"].writable
    assert found["/scratch"].remote == ("lustre-scratch", "/teamA")
    assert found["/"].remote is None


def test_findmnt_gives_children_too():
    """The tree is walked."""
    found = mounts.parse_json((HERE / "findmnt.json").read_bytes())
    assert [each.target for each in found] == ["/", "/home", "/proc"]
    assert found[1].sec == "krb5i"


def test_a_listing_ends_its_records_with_zero_bytes():
    """So a file whose name holds a line break cannot forge an entry."""
    forged = b"0644\tf\ta\tg\t1\t/d/x\n0777\td\troot\troot\t1\t/etc\x000755\td\tb\tg\t2\t/d\x00"
    found = folders.parse(forged)
    assert [(each.mode, each.path) for each in found] == [(0o644, "/d/x\n0777\td\troot\troot\t1\t/etc"), (0o755, "/d")]


def test_a_listing_never_climbs():
    """`..` has no place in what find prints."""
    with pytest.raises(InputError, match="not mode"):
        folders.parse(b"0644\tf\ta\tg\t1\t/d/../etc/x\n")


def test_nodemaps_say_who_is_trusted():
    """The default map trusts here, the tenant's does not."""
    maps = lustre.parse((HERE / "nodemap").read_bytes())
    assert maps.active
    one, default = maps.maps
    assert (one.name, one.trusted, one.fileset) == ("c1", False, "/c1")
    assert one.ranges == ("10.2.1.1@o2ib", "10.2.1.99@o2ib")
    assert (default.trusted, default.admin) == (True, False)


def test_a_policy_with_a_condition_is_kept_and_marked():
    """It may be open, but not to everyone."""
    text = json.dumps(
        {
            "Statement": [
                {"Effect": "Allow", "Principal": {"AWS": "*"}, "Action": "s3:*", "Resource": "arn:aws:s3:::w/*"},
                {
                    "Effect": "Allow",
                    "Principal": {"AWS": ["arn:aws:iam::1:role/r"]},
                    "Action": ["s3:GetObject"],
                    "Resource": "arn:aws:s3:::w/*",
                    "Condition": {"StringEquals": {"aws:SourceVpc": "vpc-1"}},
                },
                {"Effect": "Deny", "Principal": "*", "Action": "s3:*", "Resource": "*"},
            ]
        }
    )
    everyone, role = bucket.parse(json.dumps({"Policy": text}).encode()).grants
    assert (everyone.principal, everyone.bucket, everyone.read, everyone.write) == ("*", "w", True, True)
    assert (role.read, role.write, role.conditional) == (True, False, True)


SAMPLES = {
    exports.parse: HERE / "exports",
    mounts.parse_table: HERE / "mounts",
    mounts.parse_json: HERE / "findmnt.json",
    lustre.parse: HERE / "nodemap",
    folders.parse: Path(__file__).parents[1] / "moves" / "readable_data" / "fires" / "hosts" / "gpu1" / "folders",
    bucket.parse: Path(__file__).parents[1]
    / "moves"
    / "public_bucket"
    / "fires"
    / "cloud"
    / "s3"
    / "weights"
    / "policy.json",
}


@settings(max_examples=60, deadline=None)
@given(st.sampled_from(list(SAMPLES)), st.integers(0, 400), st.binary(max_size=24))
def test_damaged_storage_files_raise_only_input_errors(parse, at, junk):
    """Cut, overwritten and made-up bytes."""
    sample = SAMPLES[parse].read_bytes()
    for data in (sample[:at], sample[:at] + junk + sample[at + len(junk) :], junk):
        with contextlib.suppress(InputError):
            parse(data)
