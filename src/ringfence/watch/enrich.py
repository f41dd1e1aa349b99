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
    blank = np.array([not one for one in said.values] + [True])
    asked = files[blank[said.codes[files]]]  # what the agent says itself stands
    wanted = np.unique(paths.codes[asked]).tolist()
    found = {code: data.entity for code in wanted if code >= 0 and (data := site.data_at(paths.values[code]))}
    if not found:
        return batch
    places = {entity: at for at, entity in enumerate(dict.fromkeys([*said.values, *found.values()]))}
    here = np.full(len(paths.values) + 1, -1, np.int32)
    here[list(found)] = [places[entity] for entity in found.values()]
    codes = np.array([*map(places.get, said.values), -1], np.int32)[said.codes]
    codes[asked] = here[paths.codes[asked]]
    filled = pa.DictionaryArray.from_arrays(pa.array(codes, mask=codes < 0), pa.array(list(places), pa.string()))
    return batch.having("file.data", filled)
