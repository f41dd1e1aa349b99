"""Ways from the thing that a check is about to whoever was asked, and conditions that several checks share."""

from ringfence.analyse.rule import Atom, Differ, Is, Like, Match, Prefix
from ringfence.assess.check import When, asked_of

HOST_OF_GPU = (Atom("has_gpu", "host", "it"),)
HOST_OF_PORT = (Atom("has_port", "host", "it"),)
WHOLE_GPU: dict[str, Match] = {"index": Like(r"\d{1,6}")}
"""Attributes of `has_gpu` of a whole accelerator: a MIG slice has an index like `0:1`."""


def flawed(product: str | tuple[str, ...], says: str, verdict: str = "affected") -> When:
    """A bulletin's verdict on `it`, as the advisories write it."""
    return When((Atom("vulnerable_to", "it", Prefix("CVE-"), {"verdict": verdict, "product": product}),), says)


def undecided(product: str | tuple[str, ...]) -> When:
    """A bulletin that could not be decided for want of a fact."""
    return flawed(product, "a bulletin asks for a fact that nobody collected", "unknown")


def held_against(product: str) -> tuple[When, When]:
    """(what is checked, what a pass rests on): whatever the bulletins of this product were held against."""
    asked = asked_of(f"advisories/{product}")
    return When((Atom("asked", "it", Is(f"advisories/{product}")),)), When(
        asked.facts, f"the bulletins for {product} were held against its version"
    )


def of_tenant(work: str, tenant: str) -> tuple[tuple[Atom, ...], ...]:
    """Ways in which a work is some tenant's: a job by its account, a container by its pod's namespace."""
    pod, namespace = f"pod of {work}", f"namespace of {work}"
    return (
        (Atom("in_tenant", work, tenant),),
        (
            Atom("part_of", work, pod),
            Atom("in_namespace", pod, namespace),
            Atom("in_tenant", namespace, tenant),
        ),
    )


def two_tenants(
    one: tuple[Atom, ...], other: tuple[Atom, ...], says: str, opens: tuple[str, ...] | None = None
) -> tuple[When, ...]:
    """`one` leads from `it` to the work of that name and `other` to the other, and they are of two tenants."""
    mine, theirs = of_tenant("one", "mine"), of_tenant("other", "theirs")
    pairs = ((mine[0], theirs[0]), (mine[0], theirs[1]), (mine[1], theirs[1]))
    return tuple(
        When((*one, *other, *first, *second), says, (Differ("mine", "theirs"),), opens=opens) for first, second in pairs
    )


def jobs_known(by: tuple[Atom, ...], host: str = "host") -> When:
    """Every job that runs in the cluster of `host` was told, with its tenant; `by` leads from `it` there."""
    whole: dict[str, Match] = {"answered": True, "complete": True}
    return When(
        (*by, Atom("in_cluster", host, "cluster"), Atom("asked", "cluster", Is("jobs"), whole)),
        "every running job was told, with its tenant",
        every=1,
    )
