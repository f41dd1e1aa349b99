"""A cluster's API: our objects are put there by server-side apply, and those no longer wanted are taken away.

        dry run of every change ─▶ policies ─▶ labels of pods ─▶ what is unwanted goes ─▶ (an error: back to before)

Ours bear `app.kubernetes.io/managed-by=ringfence` and the field manager `ringfence`. An object of the same name that
is somebody else's is not touched: that is an error, before anything is changed. Nor is a field of ours that somebody
else has taken over taken back by force: the API server tells who has it, and so do we. Of pods only our label is
changed. The API server offers no transaction: if a change fails after its dry run passed, what was changed is put back.
"""

from collections.abc import Iterable, Mapping
from typing import Any

import msgspec

from ringfence.collect.kubernetes_policies import Gone, Held, Refused, ask, held, may
from ringfence.errors import EnforceError, InputError
from ringfence.segment.model import Artefact
from ringfence.wire.kubernetes.ours import KINDS, ORDER, Drift, Json, Key, by_key, drift, is_ours, stream

MANAGER = "ringfence"
_APPLY = "application/apply-patch+yaml"
_ENCODE = msgspec.json.Encoder(order="sorted").encode


class Kubernetes:
    """One cluster. `client`: of `collect.kubernetes_policies.connect`; `where`: `cluster:<name>`."""

    target = "kubernetes"

    def __init__(self, client: Any, where: str) -> None:
        self.client, self.where = client, where

    def read(self) -> str:
        """Our objects as they are there, in an order of their own; "" where there are none."""
        return stream(self._held().ours.values())

    def theirs(self) -> str:
        """Other people's policies as they are there: for the proof."""
        return stream(self._held().theirs.values())

    def speaks(self) -> tuple[str, ...]:
        """Targets of `Inventory.enforcers` that can be written here; our label is reserved only if we may set it."""
        known = self._held().speaks
        return known if self._may_label() else tuple(one for one in known if one != "validatingadmissionpolicy")

    def plan(self, artefact: Artefact) -> Drift:
        """What `apply` would change, checked by the API server (`dryRun=All`). Raises `EnforceError`."""
        return self._changes(artefact.text, dry=True)

    def apply(self, artefact: Artefact) -> None:
        """Put the artefact in force in place of what we had there."""
        self._changes(artefact.text, dry=False)

    def restore(self, before: str) -> None:
        """Bring back what `read` returned."""
        self._changes(before, dry=False)

    def _held(self) -> Held:
        try:
            return held(self.client)
        except InputError as error:
            raise EnforceError(f"{self.where} cannot be read: {error.what}", error.remedy) from None

    def _changes(self, text: str, *, dry: bool) -> Drift:
        there = self._held()
        wanted = {name: one for name, one in by_key(text).items() if name[0] != "Pod" or name in there.pods}
        self._check(wanted, there)
        change = drift(wanted, there.ours)
        try:
            self._carry_out(change, wanted, dry=True)
        except _Failed as failed:
            raise EnforceError(f"{self.where} refuses {failed}; nothing was changed", failed.remedy) from None
        if not dry and change:
            try:
                self._carry_out(change, wanted, dry=False)
            except _Failed as failed:
                left = self._back(there)
                how = "not all of it could be put back" if left else "what was changed is put back"
                raise EnforceError(f"{self.where}: {failed}; {how}", failed.remedy, left) from None
        return change

    def _check(self, wanted: Mapping[Key, Json], there: Held) -> None:
        lacking = sorted({name[0] for name in wanted} & there.absent)
        if lacking:
            what = f"{self.where} does not know {', '.join(lacking)}"
            raise EnforceError(f"{what}; nothing was changed", "install its definition, or leave this kind out")
        foreign = sorted(name for name in wanted if name in there.theirs)
        unmarked = sorted(name for name, one in wanted.items() if not is_ours(one))
        if foreign or unmarked:
            shown = ", ".join("/".join(name) for name in (foreign or unmarked)[:5])
            what = f"{shown} is somebody else's" if foreign else f"{shown} does not bear our mark"
            raise EnforceError(f"{what}; nothing was changed", "rename it, or delete it by hand")
        if any(name[0] == "ValidatingAdmissionPolicy" for name in wanted) and not self._may_label():
            what = f"{self.where} would not let us set the label that we reserve"
            raise EnforceError(f"{what}; nothing was changed", "grant our account `set` on compartments.ringfence.io")

    def _may_label(self) -> bool:
        try:
            return may(self.client, "set", "ringfence.io", "compartments")
        except (InputError, Refused, Gone) as error:
            raise EnforceError(f"{self.where} does not say what we may: {error}; nothing was changed") from None

    def _carry_out(self, change: Drift, wanted: Mapping[Key, Json], *, dry: bool) -> None:
        query = {"fieldManager": MANAGER, **({"dryRun": "All"} if dry else {})}
        for name in sorted((*change.missing, *change.changed), key=_rank):
            self._ask("PATCH", name, query, _ENCODE(wanted[name]), _APPLY)
        for name in sorted(change.unwanted, key=_rank, reverse=True):
            if name[0] == "Pod":  # our label goes, the pod stays
                empty = {**_bare(name), "metadata": {"name": name[2], "namespace": name[1], "labels": {}}}
                self._ask("PATCH", name, query, _ENCODE(empty), _APPLY)
            else:
                self._ask("DELETE", name, {"dryRun": "All"} if dry else {}, b"", "")

    def _ask(self, method: str, name: Key, query: Mapping[str, str], body: bytes, form: str) -> None:
        path = KINDS[name[0]].path(name[1], name[2])
        try:
            ask(self.client, method, path, query, body=body, form=form)
        except Refused as refused:
            if not (refused.status == 404 and (method == "DELETE" or name[0] == "Pod")):  # gone already
                raise _Failed(name, str(refused), _REMEDIES.get(refused.status, "")) from None
        except (InputError, Gone) as error:
            raise _Failed(name, str(error), "") from None

    def _back(self, before: Held) -> tuple[str, ...]:
        """Best effort to have what was there; what could not be put back."""
        try:
            self._carry_out(drift(before.ours, self._held().ours), before.ours, dry=False)
        except (_Failed, EnforceError) as error:
            return (str(error), *_shown(before, self))
        return ()


def _shown(before: Held, enforcer: Kubernetes) -> Iterable[str]:
    try:
        left = drift(before.ours, enforcer._held().ours)
    except EnforceError:
        return ("what is in force cannot be read",)
    return tuple("/".join(name) for name in (*left.missing, *left.changed, *left.unwanted))[:50]


def _bare(name: Key) -> dict[str, Any]:
    return {"apiVersion": KINDS[name[0]].version, "kind": name[0]}


def _rank(name: Key) -> tuple[int, Key]:
    return ORDER.index(name[0]), name


_REMEDIES = {
    403: "grant our account patch and delete on this kind",
    409: "another manager has this field; let go of it there, or leave it out of the fence",
    422: "the cluster's version of this kind differs; compile for the kinds that it speaks",
}


class _Failed(Exception):
    """One request that the API server did not carry out."""

    def __init__(self, name: Key, said: str, remedy: str) -> None:
        super().__init__(f"{'/'.join(part for part in name if part)}: {said}")
        self.remedy = remedy
