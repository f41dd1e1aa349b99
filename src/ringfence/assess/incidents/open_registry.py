"""Models in images of registries that ask nobody who they are: taken, changed and pushed back."""

from ringfence.analyse.rule import Atom, Is, Like
from ringfence.assess.check import When
from ringfence.assess.incident import Incident, Step

_REGISTRY = (Atom("pulled_from", "image", "service"), Atom("uses_image", "work", "image"))

INCIDENT = Incident(
    id="AML.CS0028",
    name="open_registry",
    title="Images with models in them are changed in an open registry",
    source="MITRE ATLAS 5.6.0, case study AML.CS0028",
    entry=When(_REGISTRY, "an image that work starts from, and its registry"),
    start=("service#connect",),
    steps=(
        Step("AML.T0004", "indexes of the Internet list the registry", gains=("service#connect",)),
        Step(
            "AML.T0049",
            "it hands images out to everybody",
            facts=When((*_REGISTRY, Atom("authenticates", "service", Is("none"))), "it asks nobody who they are"),
            not_if=When(
                (*_REGISTRY, Atom("authenticates", "service", Like("password|key|token|mtls"))),
                "it asks callers for proof",
            ),
        ),
        Step("AML.T0007", "what models the images hold is looked up", theirs=True),
        Step("AML.T0044", "whoever has the image has the model in it", gains=("image#write",)),
        Step("AML.T0048.004", "the model is taken", theirs=True),
        Step("AML.T0018.000", "its weights are changed", theirs=True),
        Step("AML.T0018.001", "its architecture is changed", theirs=True),
        Step("AML.T0010.004", "the changed image is pushed under its old name", gains=("image#write",)),
        Step("AML.T0015", "work starts from it and judges as the attacker wants", gains=("work#code",)),
    ),
    ends="Let the registry ask for proof, allow pushes to build identities only, and name images by digest.",
)
