"""What needs are derived from: the scene, its files and its people, each worked out once."""

from functools import cache, cached_property

from ringfence.segment.compartment import group
from ringfence.segment.model import Group
from ringfence.segment.needs.accounts import People
from ringfence.segment.needs.files import Files
from ringfence.segment.scene import Scene, Service


class Known:
    """A scene with what several needs look up in it."""

    def __init__(self, scene: Scene) -> None:
        self.scene = scene
        self.service = cache(self._service)

    @cached_property
    def files(self) -> Files:
        """What is mounted where."""
        return Files(self.scene)

    @cached_property
    def people(self) -> People:
        """Who comes from where."""
        return People(self.scene)

    def _service(self, of: Service) -> Group:
        """The group of one service: its host, and on the pod plane its addresses."""
        found = {one for mine in self.scene.addresses.get(of.host, {}).values() for one in mine}
        outside = [f"network:{one}/{128 if ':' in one else 32}" for one in found]
        return group(of.entity, "service", "", f"{of.kind} on {of.host}", ip=[of.host], pod=outside)
