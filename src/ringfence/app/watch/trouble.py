"""What goes wrong again and again, told once when it begins and once when all of it is over."""

from collections.abc import Callable


class Trouble:
    """Who is in trouble, each with the kind of it: of each kind the first is told until all are well."""

    def __init__(self, told: Callable[[str], None]) -> None:
        self._told = told
        self._ill: dict[str, str] = {}
        self._said: set[str] = set()

    def ill(self, who: str, kind: str, what: str) -> None:
        """Something went wrong for `who`."""
        self._ill[who] = kind
        if kind not in self._said:
            self._said.add(kind)
            self._told(what)

    def well(self, who: str) -> None:
        """It went right again, or is no longer ours to do."""
        if self._ill.pop(who, None) is not None and not self._ill:
            self._said.clear()
            self._told("NATS takes everything again")
