"""Logins from a log that grows, is rotated and is cut; and a real sshd's."""

import pytest

from ringfence.collect.telemetry.samplers.logins import LoginLog
from ringfence.collect.telemetry.samplers.machine import Machine
from ringfence.errors import MissingPart

LINE = "Jan  2 03:04:05 gpu0001 sshd[7]: Accepted publickey for ann from 10.0.0.9 port 40000 ssh2: ED25519 SHA256:abc\n"


def test_a_login_is_told_once_its_line_is_whole(tmp_path):
    """What was there before is not told; a piece of a line waits."""
    log = tmp_path / "auth.log"
    log.write_text(LINE)
    sampler = LoginLog(Machine("gpu0001"), [log])
    sampler.open()
    assert list(sampler.look()) == []
    with log.open("a") as out:
        out.write(LINE[:40])
        out.flush()
        assert list(sampler.look()) == []
        out.write(LINE[40:] + "Jan  2 03:04:06 gpu0001 cron[8]: nothing of interest\n")
    (event,) = sampler.look()
    assert (event.class_uid, event.activity_id, event.host) == (3002, 1, "gpu0001")
    assert (event.fields["user.name"], event.fields["src_endpoint.ip"]) == ("ann", "10.0.0.9")
    sampler.close()


def test_a_line_cannot_speak_for_another_host(tmp_path):
    """Whatever host it names: the agent tells of its own."""
    log = tmp_path / "auth.log"
    log.touch()
    sampler = LoginLog(Machine("gpu0001"), [log])
    sampler.open()
    log.write_text(LINE.replace("gpu0001", "gpu0666"))
    (event,) = sampler.look()
    assert event.host == "gpu0001"
    sampler.close()


def test_rotation_and_cutting_lose_nothing(tmp_path):
    """The old file is read to its end, the new one from its beginning."""
    log = tmp_path / "auth.log"
    log.touch()
    sampler = LoginLog(Machine("gpu0001"), [log])
    sampler.open()
    with log.open("a") as out:
        out.write(LINE)
    log.rename(tmp_path / "auth.log.1")
    log.write_text(LINE.replace("ann", "bob"))
    told = [one.fields["user.name"] for _ in range(2) for one in sampler.look()]
    log.write_text(LINE.replace("ann", "eve")[:-2] + "\n")
    told += [one.fields["user.name"] for _ in range(2) for one in sampler.look()]
    assert told == ["ann", "bob", "eve"]
    sampler.close()


def test_no_log_is_a_hole_with_a_remedy(tmp_path):
    """Where sshd logs elsewhere."""
    with pytest.raises(MissingPart) as error:
        LoginLog(Machine("gpu0001"), [tmp_path / "none"]).open()
    assert error.value.remedy
