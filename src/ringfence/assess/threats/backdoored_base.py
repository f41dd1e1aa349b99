"""A backdoored base model or artefact is loaded."""

from ringfence.analyse.rule import Atom, Is, Like, Prefix
from ringfence.assess.check import When
from ringfence.assess.conditions import PROVEN, WITHOUT_PROOF, data
from ringfence.assess.threat import Control, Stride, Threat, Way

THREAT = Threat(
    id="RF.T07",
    name="backdoored_base",
    each=data("model", "checkpoint"),
    ways=(
        Way(
            "loading it runs code",
            opens=(
                When((Atom("vulnerable_to", "it", Prefix("pickle:")),), "its pickle calls what no weights need"),
                When(
                    (Atom("has_format", "it", Is("pickle")), Atom("pulled_from", "it", "registry")),
                    "it is a pickle that comes from a registry",
                ),
                When(
                    (Atom("has_format", "it", Is("pickle")), Atom("reads", "work", "it")),
                    "it is a pickle, and work loads it",
                ),
            ),
            shut=(
                Control(
                    "its format holds numbers only",
                    (When((Atom("has_format", "it", Like("safetensors|gguf|npy|npz")),), "its format holds no code"),),
                    ("AML.M0014",),
                ),
            ),
        ),
        Way(
            "nobody knows where it comes from",
            opens=(
                When(
                    (Atom("pulled_from", "it", "registry"), Atom("authenticates", "registry", WITHOUT_PROOF)),
                    "it comes from a registry that asks nobody who they are",
                ),
            ),
            shut=(
                Control(
                    "a known run made it",
                    (
                        When(
                            (Atom("writes", "run", "it"), Atom("runs_as", "run", "account")),
                            "the run and account that made it are known",
                        ),
                    ),
                    ("AML.M0025",),
                ),
                Control(
                    "it comes from a registry that asks for proof, and its digest is known",
                    (
                        When(
                            (Atom("pulled_from", "it", "registry"), Atom("authenticates", "registry", PROVEN)),
                            "its registry asks for proof",
                        ),
                        When((Atom("has_hash", "it", "digest"),), "a digest of it is known"),
                    ),
                    ("AML.M0014", "AML.M0023"),
                ),
            ),
        ),
    ),
    why="A base model is code and habits of a stranger; fine-tuning keeps both.",
    remedy="Load safetensors only, from a registry that authenticates, pinned by digest; scan before the first load.",
    phases=("ingest", "pre-train", "evaluate"),
    stride=(Stride.TAMPERING, Stride.ELEVATION),
    atlas=("AML.T0010.003", "AML.T0011.000", "AML.T0018.002", "AML.T0058"),
    attack=("T1195",),
)
