"""What needs are derived from: the scene, its files and its people, each worked out once."""

from functools import cached_property

from ringfence.segment.needs.accounts import People
from ringfence.segment.needs.files import Files
from ringfence.segment.scene import Scene


class Known:
    """A scene with what several needs look up in it."""

    def __init__(self, scene: Scene) -> None:
        self.scene = scene

    @cached_property
    def files(self) -> Files:
        """What is mounted where."""
        return Files(self.scene)

    @cached_property
    def people(self) -> People:
        """Who comes from where."""
        return People(self.scene)
