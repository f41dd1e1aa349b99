"""The label of each pod's compartment, as objects to apply: `metadata.labels` of pods that are there already.

Applied by our field manager alone, these are changes to a label and can make no pod: the API server refuses a new pod
without a specification.
"""

from collections.abc import Iterator

from ringfence.segment.compile.kubernetes.cells import LABEL, Cells, Json


def pods(cells: Cells) -> Iterator[Json]:
    """Every pod whose compartment has a label."""
    for cell in cells.cells:
        for pod in cell.pods if cell.value else ():
            name = pod.rpartition("/")[2]
            about = {"name": name, "namespace": cell.namespace, "labels": {LABEL: cell.value}}
            yield {"apiVersion": "v1", "kind": "Pod", "metadata": about}
