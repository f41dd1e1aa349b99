"""What the estate knows about an event that its sensor did not: whose data a file is."""

import numpy as np
import pyarrow as pa

from ringfence.watch.batch import Batch
from ringfence.watch.site import Site
from ringfence.wire.ocsf import classes


def enriched(batch: Batch, site: Site) -> Batch:
    """The batch with `file.data` filled in where a path lies in the folder of a known model, checkpoint or dataset."""
    files = batch.rows(classes.FILE)
    if not len(files):
        return batch
    paths, said = batch.codes("file.path"), batch.codes("file.data")
    wanted = np.unique(paths.codes[files])
    found = {int(code): data.entity for code in wanted if code >= 0 and (data := site.data_at(paths.values[code]))}
    if not found:
        return batch
    values: list[str | None] = [said.values[code] if code >= 0 else None for code in said.codes.tolist()]
    for row in files.tolist():
        values[row] = values[row] or found.get(int(paths.codes[row]))
    return _with(batch.record, "file.data", pa.array(values, pa.string()))


def _with(record: pa.RecordBatch, name: str, array: pa.Array) -> Batch:
    at = record.schema.get_field_index(name)
    columns = list(record.columns)
    names = list(record.schema.names)
    if at >= 0:
        columns[at] = array
        return Batch(pa.RecordBatch.from_arrays(columns, names))
    return Batch(pa.RecordBatch.from_arrays([*columns, array], [*names, name]))
