"""What is mounted where, and what lies in it: the files of a cluster, by host, pipeline and account."""

from collections.abc import Iterable, Iterator, Mapping
from functools import cached_property
from pathlib import PurePosixPath

from ringfence.segment.compartment import group
from ringfence.segment.model import Group
from ringfence.segment.scene import Scene
from ringfence.segment.seen import Seen, part, starting
from ringfence.segment.workflow import Pipeline


class Files:
    """What is mounted where, and what lies in it."""

    def __init__(self, scene: Scene) -> None:
        self.scene, self.seen = scene, scene.seen

    @cached_property
    def mounted(self) -> Mapping[str, dict[str, str]]:
        """Host → what it, a job or a container on it mounts → `ro` or `rw`."""
        found: dict[str, dict[str, str]] = {}
        for subject, storage, shown in self.seen.rows("mounts"):
            mode = "ro" if shown.get("mode") == "ro" else "rw"
            for host in (
                [subject] if subject.startswith("host:") else starting(self.seen.objects(subject, "runs_on"), "host")
            ):
                mine = found.setdefault(host, {})
                mine[storage] = max(mode, mine.get(storage, ""))
        return found

    def servers(self, storage: str) -> list[str]:
        """The hosts that serve it, or on which the services that serve it run; sorted."""
        found = self.seen.objects(storage, "exported_by")
        behind = [self.scene.by_entity[one].host for one in found if one in self.scene.by_entity]
        return starting([*found, *behind], "host")

    @cached_property
    def places(self) -> Mapping[str, dict[str, PurePosixPath]]:
        """Data → storage → the path at which it lies there."""
        found: dict[str, dict[str, PurePosixPath]] = {}
        for one, storage, shown in self.seen.rows("stored_on"):
            path = PurePosixPath(str(shown.get("path") or root(storage)))
            mine = found.setdefault(one, {})
            mine[storage] = min(path, mine.get(storage, path))
        return found

    @cached_property
    def special(self) -> frozenset[str]:
        """Storage of which folders are known: those of data, and homes."""
        return frozenset(
            {storage for found in self.places.values() for storage in found} | {*self.seen.of("stores_home")}
        )

    @cached_property
    def folders(self) -> Mapping[str, Mapping[str, Group]]:
        """Pipeline → storage → the group of its folders there."""
        held: dict[str, list[tuple[PurePosixPath, str]]] = {}
        for line in self.scene.pipelines:
            for one in line.data:
                for storage, path in self.places.get(one, {}).items():
                    held.setdefault(storage, []).append((path, line.name))
        return {line.name: dict(self._folders(line, held)) for line in self.scene.pipelines}

    def _folders(
        self, line: Pipeline, held: Mapping[str, list[tuple[PurePosixPath, str]]]
    ) -> Iterator[tuple[str, Group]]:
        """One folder where it holds this pipeline's data and no other's, else that of each piece of data."""
        found = sorted({storage for one in line.data for storage in self.places.get(one, {})})
        for storage in found:
            mine = [path for path, name in held[storage] if name == line.name]
            top = _common(mine)
            others = any(path.is_relative_to(top) for path, name in held[storage] if name != line.name)
            alone = top != PurePosixPath(root(storage)) and not others
            ends = [folder(storage, path) for path in ([top] if alone else mine)]
            name = data_group(line.name, storage if len(found) > 1 else "")
            yield storage, group(name, "service", line.tenant, f"the folders of {line.name}", storage=ends)

    @cached_property
    def homes(self) -> Mapping[str, tuple[str, ...]]:
        """Account → its homes."""
        found: dict[str, set[str]] = {}
        for storage, people in self.seen.of("stores_home").items():
            for one in people:
                found.setdefault(one, set()).add(folder(storage, PurePosixPath(root(storage), one.partition(":")[2])))
        return {one: tuple(sorted(found[one])) for one in sorted(found)}

    def recorded(self, cluster: str) -> bool:
        """Whether anybody records what jobs of this cluster read and write."""
        return cluster in self._recorded

    @cached_property
    def _recorded(self) -> frozenset[str]:
        return frozenset(one.cluster for one in self.scene.gangs.values() if one.told)


def data_group(line: str, storage: str = "") -> str:
    """The name of the group of a pipeline's folders, on one storage where it has several."""
    return f"data:{line.partition(':')[2]}" + (f" on {part(storage)}" if storage else "")


def data_groups(seen: Seen, line: Pipeline) -> list[str]:
    """Every name that the groups of a pipeline's folders may have."""
    storages = sorted({storage for one in line.data for storage in seen.objects(one, "stored_on")})
    return [data_group(line.name), *(data_group(line.name, storage) for storage in storages)]


def root(storage: str) -> str:
    """`/export/home` of `storage:nfs1:/export/home`."""
    return storage.split(":", 2)[-1]


def folder(storage: str, path: PurePosixPath) -> str:
    """`storage:nfs1:/export/home/ann`: an export's id with the longer path."""
    top, inside = PurePosixPath(root(storage)), path
    if not path.is_relative_to(top):  # some captures give the path below the export
        inside = top / str(path).lstrip("/")
    return f"{storage.removesuffix(root(storage))}{inside}"


def _common(paths: Iterable[PurePosixPath]) -> PurePosixPath:
    first, *rest = sorted(set(paths))
    while not all(path.is_relative_to(first) for path in rest):
        first = first.parent
    return first
