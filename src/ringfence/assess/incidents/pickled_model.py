"""Models on a public hub whose pickle opens a shell when it is loaded."""

from ringfence.analyse.rule import Atom, Is, Like
from ringfence.assess.check import When
from ringfence.assess.incident import Incident, Step

_LOADED = (Atom("pulled_from", "model", "service"), Atom("reads", "work", "model"))

INCIDENT = Incident(
    id="AML.CS0031",
    name="pickled_model",
    title="A model from a hub runs code when it is loaded",
    source="MITRE ATLAS 5.6.0, case study AML.CS0031",
    entry=When(_LOADED, "a model that comes from a registry, and work that loads it", kinds={"model": ("model",)}),
    start=(),
    steps=(
        Step("AML.T0018.002", "code is put into a model's pickle", theirs=True),
        Step("AML.T0058", "the model is published", theirs=True),
        Step("AML.T0076", "its pickle is broken so that scanners stop at it", theirs=True),
        Step(
            "AML.T0010",
            "the model comes here from a registry",
            facts=When(_LOADED, "it comes from a registry, and work loads it"),
        ),
        Step(
            "AML.T0011.000",
            "loading it runs the code",
            facts=When((*_LOADED, Atom("has_format", "model", Is("pickle"))), "it is a pickle"),
            not_if=When(
                (*_LOADED, Atom("has_format", "model", Like("safetensors|gguf|npy|npz"))), "its format holds no code"
            ),
        ),
        Step("AML.T0072", "a shell connects back to the outside", gains=("network:internet#send",)),
    ),
    ends="Load safetensors only, and let nodes that load foreign models reach nothing outside.",
)
