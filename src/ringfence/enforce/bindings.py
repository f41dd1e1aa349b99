"""Role bindings of a cluster that are taken away, and put back as they were.

        asked ─▶ not protected? ─▶ could it be put back? (dry run) ─▶ kept ─▶ DELETE of that very version ─▶ gone?

The whole object is kept before it is deleted, in a file that outlives a kill. What is put back is equal but for what
the API server gives itself: it has a new uid and a new resourceVersion, so an `ownerReference` to the old one leads
nowhere. A binding that comes back while it is meant to be away (GitOps puts it there again) is told by `read`, and
taken away again by the next `apply`; what is put back at last is the newest that somebody else had there.
"""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import quote

import msgspec

from ringfence.collect.kubernetes_policies import Gone, Refused, ask
from ringfence.enforce.kept import Kept
from ringfence.errors import EnforceError, InputError
from ringfence.segment.model import Artefact
from ringfence.wire.contain import Bindings, decode, encode
from ringfence.wire.kubernetes.ours import Kind, is_ours

PROTECTED = ("cluster-admin", "kubeadm:", "ringfence", "system:")
"""Beginnings of names that are never touched: the cluster's own components, its administrators, and the fence."""

MOST = 1_000
"""Bindings that one document may name."""

TRIES = 3
"""Times that a binding may change under us before we give up."""

_GROUP = "rbac.authorization.k8s.io/v1"
_KINDS = {
    "RoleBinding": Kind(_GROUP, "rolebindings", True),
    "ClusterRoleBinding": Kind(_GROUP, "clusterrolebindings", False),
}
_SPACE = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?")
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9.:_@-]{0,252}")
_SERVERS = frozenset(
    (
        *("creationTimestamp", "deletionGracePeriodSeconds", "deletionTimestamp", "generation"),
        *("managedFields", "resourceVersion", "selfLink", "uid"),
    )
)
"""What the API server writes into an object's metadata by itself."""

Object = dict[str, Any]


class Before(msgspec.Struct, frozen=True):
    """Names asked for, and the whole objects that were deleted, by name."""

    asked: tuple[str, ...] = ()
    objects: Mapping[str, Object] = {}


class RevokedBindings:
    """One cluster. `client`: of `collect.kubernetes_policies.connect`; `path`: the file of what was deleted."""

    target = "bindings"

    def __init__(self, client: Any, where: str, path: Path) -> None:
        self.client, self.where, self._kept = client, where, Kept(path, Before)

    def read(self) -> str:
        """Those asked for that are not there now, as the document of it; "" where there are none."""
        try:
            away = tuple(name for name in self._kept.load().asked if self._find(name) is None)
        except _Failed as failed:
            raise EnforceError(f"{self.where} does not tell its bindings: {failed}", failed.remedy) from None
        return encode(Bindings(away))

    def apply(self, artefact: Artefact) -> None:
        """These are away, and what was asked for before them is back. Raises `EnforceError` that names what is not."""
        self.restore(artefact.text)

    def restore(self, before: str) -> None:
        """The same with a text that `read` gave."""
        asked = decode(before, Bindings).revoked
        if len(asked) > MOST:
            raise InputError(f"a document of more than {MOST:,} bindings")
        failed = {name: why for name in asked if (why := refusal(name))}
        wanted, kept = tuple(sorted(set(asked) - failed.keys())), self._kept.load()
        self._kept.save(Before(wanted, kept.objects))
        steps = [(self._put_back, name) for name in sorted(kept.objects.keys() - set(wanted))]
        steps += [(self._take_away, name) for name in wanted]
        for at, (step, name) in enumerate(steps):
            try:
                step(name)
            except _Failed as error:
                failed[name] = str(error)
                if error.is_silent:  # it will not answer the next one either
                    failed |= dict.fromkeys((one for _, one in steps[at + 1 :]), "not tried")
                    break
        if failed:
            said = "; ".join(f"{name[:100]}: {why}" for name, why in sorted(failed.items()))
            left = tuple(f"{name[:100]} is not done" for name in sorted(failed))[:50]
            raise EnforceError(f"{self.where}: {said}"[:1000], "the others are done; apply again", left)

    def _take_away(self, name: str) -> None:
        for _ in range(TRIES):
            there = self._find(name)
            if there is None:
                return
            if is_ours(there):
                raise _Failed("it bears our mark and is the fence's own")
            self._could_put_back(name, there)
            kept = self._kept.load()
            self._kept.save(Before(kept.asked, {**kept.objects, name: bare(there)}))
            about = there["metadata"]
            precise = {one: about[one] for one in ("uid", "resourceVersion") if one in about}
            options = {"apiVersion": "v1", "kind": "DeleteOptions", "preconditions": precise}
            self._ask("DELETE", _path(name), body=options, but=(404, 409))  # 409: changed since we looked
        if self._find(name) is not None:
            raise _Failed("it is there again each time it is deleted, or a finalizer holds it")

    def _could_put_back(self, name: str, there: Object) -> None:
        """A dry run of its creation: the API server lets nobody grant what he has not, and says so before "exists"."""
        try:
            self._ask("POST", _path(name, of_all=True), {"dryRun": "All"}, bare(there), but=(409,))
        except _Failed as failed:
            raise _Failed(f"it could not be put back, so it stays: {failed}", failed.is_silent) from None

    def _put_back(self, name: str) -> None:
        """One that somebody has put there meanwhile is his and stays; with its namespace it went for good."""
        kept = self._kept.load()
        self._ask("POST", _path(name, of_all=True), {"fieldManager": "ringfence"}, kept.objects[name], but=(404, 409))
        self._kept.save(Before(kept.asked, {one: kept.objects[one] for one in kept.objects if one != name}))

    def _find(self, name: str) -> Object | None:
        return self._ask("GET", _path(name), but=(404,))

    def _ask(
        self, method: str, path: str, query: Mapping[str, str] | None = None, body: Object | None = None,
        but: tuple[int, ...] = (),
    ) -> Object | None:  # fmt: skip
        """The answer; None for a refusal that is one of `but`."""
        try:
            return ask(self.client, method, path, query or {}, body=msgspec.json.encode(body) if body else b"")
        except Refused as refused:
            if refused.status in but:
                return None
            raise _Failed(str(refused)) from None
        except (InputError, Gone) as error:
            raise _Failed(str(error), is_silent=True) from None


def refusal(name: str) -> str:
    """Why a binding is not ours to delete; "" if it is."""
    space, slash, last = name.rpartition("/")
    if not _NAME.fullmatch(last) or (slash and not _SPACE.fullmatch(space)):
        return "no name of a binding"
    return "protected" if last.startswith(PROTECTED) else ""


def bare(one: Object) -> Object:
    """An object as it would be created: without what the API server adds."""
    about = {name: value for name, value in one.get("metadata", {}).items() if name not in _SERVERS}
    return {**{name: value for name, value in one.items() if name != "status"}, "metadata": about}


def _path(name: str, *, of_all: bool = False) -> str:
    space, _, last = name.rpartition("/")
    kind = _KINDS["RoleBinding" if space else "ClusterRoleBinding"]
    return kind.path(space, "" if of_all else quote(last, safe=":@"))


class _Failed(Exception):
    """One binding that is not as it should be. `is_silent`: the API server gave no answer."""

    def __init__(self, why: str, is_silent: bool = False) -> None:
        super().__init__(why)
        self.is_silent = is_silent
        self.remedy = "see that the API server answers" if is_silent else "grant our account what it refuses"
