"""What is in the benign days, with its rates, read from the tables that make them."""

from collections.abc import Iterator

from ringfence.synth.telemetry import machines, operations, people, phases, schedule, upkeep


def described() -> Iterator[str]:
    """A line for each thing that happens on days without an attack."""
    yield "jobs, by share of starts and median hours:"
    for kind, share in schedule.SHARES:
        yield f"  {kind}: {100 * share:.0f} %, {schedule.HOURS[kind]:g} h"
    sizes = sorted(set(schedule.SIZES))
    yield f"  training gangs of {', '.join(map(str, sizes))} hosts, as far as the tenant's room goes"
    yield "  how they end: " + ", ".join(f"{name} {100 * share:.0f} %" for name, share in schedule.ENDS)
    yield f"  a training run evaluates after each {phases.EVALUATED_EVERY}th checkpoint"
    yield "what befalls a host, times a day:"
    for kind, rate in operations.RATES.items():
        yield f"  {kind}: {rate:g}"
    yield f"maintenance, announced: {100 * operations.MAINTAINED:.0f} % of hosts a day"
    for kind, share in operations.PLANNED:
        yield f"  {kind}: {100 * share:.0f} %"
    failed = ((operations.FAILED_BY_XID, "an Xid error"), (operations.FAILED_BY_CRASH, "a crash of a host"))
    yield "failed jobs: " + ", ".join(f"{100 * share:.0f} % by {what}" for share, what in failed)
    yield f"configuration sweeps over all hosts: every {machines.SWEEP_EVERY // 3600} h"
    yield f"data, times a day and pipeline: a checkpoint turned into a model {upkeep.CONVERTED:g}, old ones pruned 1"
    yield "people, times a day:"
    for name, rate in (
        ("logins", people.LOGINS_A_DAY),
        ("look at a colleague's model", people.READS_COLLEAGUE),
        ("take results out", people.TAKES_OUT),
        ("profile a job of their own", people.PROFILES),
        ("change a key", people.ROTATES),
        ("a new colleague, per person", people.NEW_USER),
    ):
        yield f"  {name}: {rate:g}"
    yield "of logins:"
    for name, rate in (
        ("after a failed try", people.FAILED),
        ("from a new place inside", people.FROM_NEW_PLACE),
        ("from abroad", people.TRAVELS),
    ):
        yield f"  {name}: {100 * rate:g} %"
