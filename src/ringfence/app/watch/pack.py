"""The texts of the rules that ship with the program, from the package's own files."""

from collections.abc import Iterator
from importlib.resources import files
from importlib.resources.abc import Traversable

ENDINGS = (".yml", ".yaml")


def texts() -> list[tuple[str, str]]:
    """Every rule of the pack as (name, YAML), by name; a name is the path below the pack, `gpu/ecc_mode_off.yml`."""
    return sorted(_below(files("ringfence.watch") / "pack", ""))


def _below(folder: Traversable, path: str) -> Iterator[tuple[str, str]]:
    for one in folder.iterdir():
        if one.is_dir():
            yield from _below(one, f"{path}{one.name}/")
        elif one.name.endswith(ENDINGS):
            yield f"{path}{one.name}", one.read_text("utf-8")
