"""One connection at a time: would a host's ruleset let it begin now?"""

from collections.abc import Iterable

import numpy as np

from ringfence.segment.prove.ip_judge import Judge, Loaded
from ringfence.segment.prove.ip_matches import Packet
from ringfence.segment.prove.ip_regions import covers
from ringfence.segment.prove.ip_space import Space
from ringfence.segment.what import What
from ringfence.wire.nft.values import Ruleset


class Gate:
    """A ruleset, asked about known peers. `paths`: the control groups that its rules tell apart, "" for none."""

    def __init__(self, ruleset: Ruleset, peers: Iterable[str]) -> None:
        elements = [one for table in ruleset.tables for found in table.sets.values() for one in found.elements]
        self._peers = {peer: at for at, peer in enumerate(dict.fromkeys(peers))}
        rules = [rule for table in ruleset.tables for chain in table.chains.values() for rule in chain.rules]
        groups = [match for rule in rules for match in rule.matches if match.left.startswith("socket cgroupv2")]
        self.paths = sorted({path for match in groups for path in match.right}, key=len, reverse=True)
        self._space = Space([(peer,) for peer in self._peers], elements, groups=self.paths)
        self._judge = Judge(Loaded(ruleset, "", ()), self._space)

    @property
    def ours(self) -> bool:
        """Whether our table is there: then nothing is forwarded."""
        return self._judge.here.ruleset.ours is not None

    def scope(self, path: str) -> str:
        """The control group among `paths` that a socket's control group is, or is below; "" for none."""
        return next((one for one in self.paths if f"{path}/".startswith(f"{one}/")), "")

    def opens(self, direction: str, peer: str, what: What, path: str = "") -> bool:
        """Whether a connection with `peer` may begin: `out` to it, or `in` from it. What is unsure counts as denied."""
        regions = self._judge.passes(Packet(direction, "new", path))[1]
        if regions is None:
            return True
        pieces = self._space.pieces((peer,))
        return any(
            any(covers(kind, what) for kind in one.whats)
            and (one.pieces is None or bool(np.isin(pieces, one.pieces).all()))
            for one in regions
        )
