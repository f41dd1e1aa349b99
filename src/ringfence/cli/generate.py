"""`ringfence generate`: a realistic cluster that does not exist, as an estate or as its captures."""

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter, validators

from ringfence.app import targets
from ringfence.app.generate import generate_captures, generate_estate, generate_flows
from ringfence.app.generate_logs import generate_logs
from ringfence.cli import output
from ringfence.errors import UsageError


def generate(
    *,
    nodes: int = 64,
    seed: int = 0,
    out: Annotated[Path | None, Parameter(name=["-o", "--out"])] = None,
    captures: Annotated[Path | None, Parameter(name=["--captures"])] = None,
    flows: Annotated[Path | None, Parameter(name=["--flows"])] = None,
    per_class: Annotated[int, Parameter(validator=validators.Number(gte=0))] = 2,
    telemetry: Annotated[Path | None, Parameter(name=["--telemetry"])] = None,
    hours: Annotated[float, Parameter(validator=validators.Number(gt=0))] = 1.0,
    attacks: Annotated[list[str] | None, Parameter(negative="", consume_multiple=True)] = None,
) -> int:
    """Make up a cluster of 16 to 10,000 GPU nodes, the same for the same seed.

    HGX nodes and NVL72 racks, a fat tree, BMCs, tenants, users, gangs, pipelines, and
    misconfigurations at realistic rates.

    Example: `ringfence generate --nodes 2000 --seed 7 -o made-up.estate`

    Parameters
    ----------
    nodes
        How many GPU nodes.
    seed
        Any whole number.
    out
        Write a saved estate.
    captures
        Write the captures that such a cluster would give into this new folder.
    flows
        Write the connections of its jobs and people, for `ringfence fence learn`.
    per_class
        How many nodes of each class are captured in full; 0: all of them.
    telemetry
        Write hours of what its agents would send into this new folder, for `ringfence watch`.
    hours
        Of telemetry.
    attacks
        Among the telemetry: weights_egress, lateral_chain, credential_harvest, partition_tampered.
    """
    if sum(one is not None for one in (out, captures, flows, telemetry)) != 1:
        raise UsageError("generate needs -o FILE, --captures DIR, --flows FILE or --telemetry DIR", "one of them")
    targets.estate(out)
    targets.pages({"--flows": flows if flows and flows.is_file() else None})  # a pipe is written to, not replaced
    with output.progress() as step:
        if out:
            said = generate_estate(nodes, seed, out, step)
        elif telemetry:
            said = generate_logs(nodes, seed, hours, telemetry, attacks or (), step)
        elif flows:
            said = generate_flows(nodes, seed, flows, step)
        else:
            said = generate_captures(nodes, seed, captures, per_class, step)
    output.err.print(said, markup=False)
    return 0
