"""Group membership is what makes a group-readable folder readable."""

from ringfence.app.survey import survey_tree
from ringfence.collect.base import Scope

PASSWD = """root:x:0:0::/root:/bin/sh
res-1:x:1001:2000::/home/res-1:/bin/bash
res-2:x:1002:2001::/home/res-2:/bin/bash
"""


def test_members_and_primary_groups_are_facts(tmp_path):
    """By the group file and by the account's own group number; said once for all hosts that share the files."""
    for host in ("n1", "n2"):
        folder = tmp_path / "hosts" / host / "etc"
        folder.mkdir(parents=True)
        (folder / "passwd").write_text(PASSWD)
        (folder / "group").write_text("root:x:0:\nt01:x:2000:res-2\nown:x:2001:\n")
    estate = survey_tree(tmp_path, Scope(salt=b"s")).estate
    said = sorted((fact.subject, fact.object) for fact in estate.facts("member_of") if "group/" in fact.object)
    assert said == [
        ("identity:res-1", "identity:group/t01"),
        ("identity:res-2", "identity:group/own"),
        ("identity:res-2", "identity:group/t01"),
    ]
