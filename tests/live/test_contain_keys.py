"""A real sshd refuses a revoked key and no other, beside the fence's drop-in and the site's own list, and back."""

import shutil
import subprocess
from collections.abc import Iterator

import pytest

from ringfence.enforce.revoked_keys import RevokedKeys, fingerprint
from ringfence.enforce.ssh import Sshd as FenceSshd
from ringfence.errors import EnforceError
from ringfence.segment.model import Artefact
from ringfence.wire.contain import Keys, decode, encode
from tests.live.sshd import Sshd, listening

pytestmark = pytest.mark.live
NAMES = ("client", "second", "third")


class Site:
    """An sshd that lets three keys in, and the driver that revokes keys there."""

    def __init__(self, server: Sshd) -> None:
        self.server, self.folder = server, server.folder
        for name in NAMES[1:]:
            key = str(self.folder / name)
            subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", key], check=True)
        (self.folder / "authorized").write_text("".join(self.public(name) for name in NAMES))
        self.drop_in, self.list = self.folder / "d" / "05-keys.conf", self.folder / "revoked.krl"
        self.driver = RevokedKeys("host:login", server.main, self.drop_in, self.list, server.pid)

    def public(self, name: str) -> str:
        return (self.folder / f"{name}.pub").read_text()

    def revoke(self, *keys: str) -> None:
        self.driver.apply(Artefact("x", encode(Keys(keys)), ("host:login",)))

    def found(self) -> tuple[str, ...]:
        return decode(self.driver.read(), Keys).revoked

    def let_in(self) -> set[str]:
        """The keys with which root gets in."""
        return {name for name in NAMES if self._lets_in(name)}

    def _lets_in(self, name: str) -> bool:
        argv = [one.replace("/client", f"/{name}") for one in self.server.command("root", "127.0.0.2", "true")]
        argv[1:1] = ["-o", "IdentitiesOnly=yes"]
        return subprocess.run(argv, capture_output=True, timeout=20, check=False).returncode == 0

    def files(self) -> dict[str, bytes]:
        """What lies in the folders of the configuration."""
        left = ("log", "known")
        found = (one for folder in (self.folder, self.folder / "d") for one in folder.iterdir())
        return {str(one): one.read_bytes() for one in found if one.is_file() and one.name not in left}


@pytest.fixture
def site() -> Iterator[Site]:
    if shutil.which("ssh-keygen") is None:
        pytest.skip("missing-part: ssh-keygen (Debian package openssh-client)")
    with listening() as server:
        yield Site(server)


def test_a_revoked_key_is_refused_and_no_other_and_undo_lets_it_in_again(site):
    before = site.files()
    assert site.let_in() == {*NAMES}
    assert site.driver.read() == ""
    key, print_ = site.public("client").strip(), fingerprint(site.public("second").strip())
    site.revoke(key)
    assert site.found() == (key,)
    assert site.let_in() == {"second", "third"}
    held = site.driver.read()
    site.revoke(key, print_, "nonsense", f"{key}\nhash: SHA256:x")
    assert site.found() == (key, print_)
    assert site.let_in() == {"third"}
    site.driver.restore(held)
    assert site.driver.read() == held
    assert site.let_in() == {"second", "third"}
    site.driver.restore("")
    assert site.driver.read() == ""
    assert site.let_in() == {*NAMES}
    assert site.files() == before


def test_it_stands_beside_the_fences_drop_in(site):
    fence = FenceSshd("host:login", site.server.main, site.server.drop_in, site.server.pid)
    fence.apply(Artefact("x", "Match all\n  AllowUsers root@127.0.0.2/31\n", ("host:login",)))
    site.revoke(site.public("client").strip())
    assert site.let_in() == {"second", "third"}
    fence.restore("")
    site.server.wait_until_listening()
    assert site.found() == (site.public("client").strip(),)
    assert site.let_in() == {"second", "third"}


@pytest.mark.parametrize("kind", ["plain", "list"])
def test_the_sites_own_list_goes_on_to_hold(site, kind):
    theirs = site.folder / "theirs"
    if kind == "plain":
        theirs.write_text(site.public("third"))
    else:
        subprocess.run(["ssh-keygen", "-q", "-k", "-f", str(theirs), str(site.folder / "third.pub")], check=True)
    site.server.main.write_text(site.server.main.read_text() + f"RevokedKeys {theirs}\n")
    site.revoke(site.public("client").strip())
    assert site.found() == (site.public("client").strip(),)
    assert site.let_in() == {"second"}
    theirs.write_text(site.public("third") + site.public("second"))
    with pytest.raises(EnforceError, match="has changed"):
        site.driver.read()
    site.revoke(site.public("client").strip())
    assert site.let_in() == set()
    assert site.found() == (site.public("client").strip(),)
    site.revoke()
    assert site.let_in() == {"client"}
    assert site.driver.read() == ""


def test_what_is_read_is_what_is_on_the_list_and_in_the_configuration(site):
    key, other = (site.public(name).strip() for name in ("client", "second"))
    site.revoke(key, other)
    words = site.folder / "words"
    words.write_text(f"hash: {fingerprint(other)}\n")
    subprocess.run(["ssh-keygen", "-q", "-k", "-f", str(site.list), str(words)], check=True)
    assert site.found() == (other,)
    site.list.with_name(f"{site.list.name}.json").unlink()
    assert site.found() == (fingerprint(other),)
    site.drop_in.write_text("# nothing\n")
    assert site.driver.read() == ""
    site.revoke(key)
    assert site.found() == (key,)
    assert site.let_in() == {"second", "third"}


def test_a_configuration_that_does_not_take_our_drop_in_is_refused_and_left_as_it_was(site):
    site.server.main.write_text(site.server.main.read_text().replace("Include", "# Include"))
    before = site.files()
    with pytest.raises(EnforceError, match="into account"):
        site.revoke(site.public("client").strip())
    assert site.files() == before
    assert site.let_in() == {*NAMES}


def test_garbage_changes_nothing(site):
    site.revoke(site.public("client").strip())
    before = site.files()
    for garbage in ("x", '{"type":"contain"}', '{"revoked":[""]}'):
        with pytest.raises(EnforceError) as refused:
            site.driver.apply(Artefact("x", garbage, ("host:login",)))
        assert refused.value.remedy == "nothing was changed"
    assert site.files() == before
