"""Images of work come from a registry of the site."""

from ringfence.analyse.rule import Atom, Like
from ringfence.assess.check import Check, Layer, Mismatch, Refs, When, asked_of

_FROM = (Atom("pulled_from", "it", "registry"), Atom("runs_on", "registry", "host"))
_PUBLIC = Like(r"service:(?:[^/]{0,60}/)?(docker|ghcr|quay|gcr|k8s|nvcr|public|mcr)/registry:443")
_IMAGE: dict[str, tuple[str, ...]] = {"it": ("image",)}

CHECK = Check(
    id="RF-D14",
    name="outside_registry",
    title="Images of work come from a registry of the site",
    layer=Layer.WORKFLOW,
    each=(When((Atom("pulled_from", "it", "registry"),), kinds=_IMAGE),),
    fails=(
        When(
            (Atom("pulled_from", "it", _PUBLIC), Atom("uses_image", "work", "it")),
            "a public registry decides what it holds, and work starts from it",
            kinds=_IMAGE,
        ),
        When((Atom("pulled_from", "it", _PUBLIC),), "a public registry decides what it holds", kinds=_IMAGE),
    ),
    rests=(
        asked_of("sockets", "host", _FROM, every=1),
        When(_FROM, "every registry of it runs on a host of the site", kinds=_IMAGE, every=1),
    ),
    why="A tag of a public registry is whatever its owner pushed last: the image that trains the model is chosen "
    "outside, "
    "on every node, at every start.",
    remedy="Mirror the images that are used into a registry of the site after a scan, name them by digest, and let "
    "nodes "
    "pull from there alone.",
    opens=("write",),
    weight=5,
    mismatch=Mismatch.DATA,
    refs=Refs(nist=("SR-3", "SR-11"), atlas=("AML.T0010.004",)),
    source="the rule by which a reference names its registry: distribution specification",
)
