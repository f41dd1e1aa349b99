"""What an estate says is installed, grouped: entities that no advisory could tell apart are judged once.

runs_software, runs_firmware, uses_image, has_gpu, settings ─▶ {Install: entities}
"""

from collections.abc import Iterator, Mapping

import msgspec

from ringfence.assess.advisories import conditional
from ringfence.assess.advisories.board import HMC
from ringfence.assess.advisories.products import (
    BMC,
    BUNDLE,
    CONNECTX,
    DRIVER,
    GAMING,
    GUEST,
    MANAGER,
    MLFLOW,
    OPERATOR,
    PLUGIN,
    RAY,
    SLURM,
    SWITCH,
    TOOLKIT,
    TRITON,
    VBIOS,
    VGPU,
    generation,
    line_of,
)
from ringfence.assess.advisories.verdict import Install
from ringfence.estate.estate import Estate
from ringfence.estate.facts import Fact
from ringfence.wire.host import toolkit

Found = tuple[str, Install, Fact]
_Stated = Mapping[tuple[str, str], str]

_PACKAGES = {
    "nvidia-driver": DRIVER,
    "nvidia-container-toolkit": TOOLKIT,
    "nvidia-container-toolkit-base": TOOLKIT,
    "nvidia-device-plugin": PLUGIN,
    "k8s-device-plugin": PLUGIN,
    "gpu-operator": OPERATOR,
    "nvidia-gpu-operator": OPERATOR,
    "slurm": SLURM,
    "slurmctld": SLURM,
    "slurm-wlm": SLURM,
    "tritonserver": TRITON,
    "ray": RAY,
    "mlflow": MLFLOW,
    "mlnx-os": SWITCH,
    "onyx": SWITCH,
    "nvue": SWITCH,
    "cumulus": SWITCH,
    "nvos": SWITCH,
}
_IMAGES = {
    "tritonserver": TRITON,
    "gpu-operator": OPERATOR,
    "k8s-device-plugin": PLUGIN,
    "container-toolkit": TOOLKIT,
    "ray": RAY,
    "mlflow": MLFLOW,
}
_WINDOWS = ("wddm", "tcc", "mcdm")
_VIRTUAL = {"vgpu": GUEST, "host vgpu": MANAGER}
"""How a card is shown (nvidia-smi's virtualization mode) → whose driver it is."""
_RELEASES = {"vgpu": VGPU, "gaming": GAMING}
_AMI = (("megarac",), ("ami",), ("american", "megatrends"))
_NOT_AMI = ("openbmc", "idrac", "ilo", "irmc", "xcc", "xclarity", "cimc")


class Class(msgspec.Struct, frozen=True):
    """Entities with the same installation, ascending, and one of the facts that say so."""

    install: Install
    entities: tuple[str, ...]
    fact: Fact


def classes(estate: Estate) -> list[Class]:
    """Every installation that the advisories may be about, in the order of products and versions."""
    settings = _settings(estate)
    found: dict[Install, dict[str, Fact]] = {}
    stated = _stated(estate, settings)
    named = (_software(estate, settings, stated), _no_driver(estate, settings), _images(estate, settings, stated))
    for part in (*named, _firmware(estate)):
        for entity, install, fact in part:
            found.setdefault(install, {}).setdefault(entity, fact)
    _drop_what_is_told_elsewhere(found)
    return [
        Class(install, tuple(sorted(facts)), facts[min(facts)])
        for install, facts in sorted(found.items(), key=lambda item: msgspec.structs.astuple(item[0]))
        if facts
    ]


def _drop_what_is_told_elsewhere(found: Mapping[Install, dict[str, Fact]]) -> None:
    """Of a product that one fact of an entity gives without its version and another with it, the latter counts."""
    bare = [(install, facts) for install, facts in found.items() if not install.version]
    if bare:
        told = {(install.product, entity) for install, facts in found.items() if install.version for entity in facts}
        for install, facts in bare:
            for entity in [one for one in facts if (install.product, one) in told]:
                del facts[entity]


VGPU_RELEASE = "vgpu-release"
_ASKED = (
    *("toolkit.mode", "gpu-operator.cdi.default", conditional.STRATEGY, conditional.RUNTIME, VGPU_RELEASE),
    *("brand", "vendor", "driver_model", "virtualization"),
)


def _settings(estate: Estate) -> Mapping[tuple[str, str], str]:
    """(entity, name) → value, of the settings that are asked for; one look at each different setting."""
    table, values = estate.table("setting"), estate.terms.values
    known: dict[int, tuple[str, str] | None] = {}
    found: dict[tuple[str, str], str] = {}
    live = table.live
    for subject, term in zip(table.subject[live].tolist(), table.object[live].tolist(), strict=True):
        if term not in known:
            name, _, value = values[term].partition("=")
            known[term] = (name, value) if name in _ASKED else None
        pair = known[term]
        if pair is not None:
            found[values[subject], pair[0]] = pair[1].lower()
    return found


_STATED = (conditional.STRATEGY, conditional.RUNTIME)
"""What no collector tells and a person may: of the thing itself, of its host, or of its cluster."""


def _stated(estate: Estate, settings: Mapping[tuple[str, str], str]) -> _Stated:
    """(entity, name) → value: as stated for it, else for its host, else for its cluster."""
    found = {key: value for key, value in settings.items() if key[1] in _STATED}
    if found:
        for predicate in ("in_cluster", "runs_on"):
            for fact in estate.facts(predicate):
                for name in _STATED:
                    if (fact.object, name) in found:
                        found.setdefault((fact.subject, name), found[fact.object, name])
    return found


def _configured(
    product: str, entity: str, settings: Mapping[tuple[str, str], str], stated: _Stated
) -> tuple[tuple[str, str], ...]:
    """The facts about a product on an entity that conditions ask for."""
    names = _STATED if product == PLUGIN else (conditional.RUNTIME,)
    told = tuple((name, stated[entity, name]) for name in names if (entity, name) in stated)
    return told if product == PLUGIN else (*_cdi(entity, settings), *told)


def _software(estate: Estate, settings: Mapping[tuple[str, str], str], stated: _Stated) -> Iterator[Found]:
    cards: dict[str, tuple[tuple[str, str], ...]] | None = None
    for fact in estate.facts("runs_software", "contains_package"):
        name, source = _package(fact.object)
        product = _PACKAGES.get(name)
        version = str(fact.attributes.get("version", ""))
        if product is None or (product == DRIVER and not version):
            continue  # a driver without a version: `_no_driver`, where there is a card for it
        if product == DRIVER:
            if cards is None:
                cards = dict(_cards(estate, settings))
            for line, system in cards.get(fact.subject) or (("", "linux"),):
                yield fact.subject, Install(DRIVER, version, system, line), fact
        elif product == SWITCH:
            line = name if name != "nvue" else _switch(version)
            yield fact.subject, Install(SWITCH, version, line=line), fact
        elif product == SLURM:
            yield fact.subject, Install(SLURM, version, source=source), fact
        else:
            yield (
                fact.subject,
                Install(product, version, "linux", facts=_configured(product, fact.subject, settings, stated)),
                fact,
            )


def _package(entity: str) -> tuple[str, str]:
    """(name, family) of a package's id: `package:deb/slurm-wlm`, `package:pkg:pypi/ray`."""
    rest = entity.removeprefix("package:").removeprefix("pkg:")
    family, _, name = rest.rpartition("/")
    return name.partition("@")[0].lower(), family.rpartition("/")[2]


def _switch(version: str) -> str:
    return "cumulus" if "cumulus" in version.lower() else "nvos" if "nvos" in version.lower() else ""


def _cdi(entity: str, settings: Mapping[tuple[str, str], str]) -> tuple[tuple[str, str], ...]:
    by_cdi = toolkit.cdi(settings.get((entity, "toolkit.mode"), ""))
    if by_cdi:
        return ((conditional.CDI, by_cdi),)
    default = settings.get((entity, "gpu-operator.cdi.default"), "")
    return ((conditional.CDI, "on" if default == "true" else "off"),) if default else ()


def _cards(
    estate: Estate, settings: Mapping[tuple[str, str], str]
) -> Iterator[tuple[str, tuple[tuple[str, str], ...]]]:
    """(host, its (product line, system) pairs): a driver serves all cards of its host, of whatever line."""
    pairs: dict[str, set[tuple[str, str]]] = {}
    seen: dict[tuple[str, str], str] = {}
    for fact in estate.facts("has_gpu"):
        if "model" not in fact.attributes:
            continue  # a part of a card
        model = str(fact.attributes["model"])
        brand = settings.get((fact.object, "brand"), "")
        if (brand, model) not in seen:
            seen[brand, model] = line_of(brand, model)
        line = seen[brand, model]
        virtual = _VIRTUAL.get(settings.get((fact.object, "virtualization"), ""), "")
        if virtual:
            line = virtual + _release(fact, brand, settings)
        windows = settings.get((fact.subject, "driver_model"), "") in _WINDOWS
        pairs.setdefault(fact.subject, set()).add((line, "windows" if windows else "linux"))
    for host, found in pairs.items():
        yield host, tuple(sorted(found))


def _release(fact: Fact, brand: str, settings: Mapping[tuple[str, str], str]) -> str:
    """Which releases of vGPU software it gets: as stated for the card or its host, else as a guest's brand says."""
    for entity in (fact.object, fact.subject):
        if (entity, VGPU_RELEASE) in settings:
            return _RELEASES.get(settings[entity, VGPU_RELEASE], "")
    return GAMING if "gaming" in brand else VGPU if "virtual" in brand or brand == "grid" else ""


def _no_driver(estate: Estate, settings: Mapping[tuple[str, str], str]) -> Iterator[Found]:
    """Hosts with a GPU of NVIDIA's whose driver's version no fact says, as an installation without a version."""
    known = {
        fact.subject
        for fact in estate.facts("runs_software", "contains_package")
        if fact.attributes.get("version") and _PACKAGES.get(_package(fact.object)[0]) == DRIVER
    }
    bare = [fact for fact in estate.facts("has_gpu") if fact.subject not in known and fact.subject.startswith("host:")]
    if not bare:
        return
    parts = {fact.subject for fact in estate.facts("part_of")}
    names = {fact.subject: fact.object for fact in estate.facts("same_as")}
    lines = dict(_cards(estate, settings))
    for fact in bare:
        card = names.get(fact.object, fact.object)
        if card not in parts and not _of_others(card, str(fact.attributes.get("model", "")), settings):
            for line, system in lines.get(fact.subject) or (("", "linux"),):
                yield fact.subject, Install(DRIVER, "", system, line), fact


_OTHERS = ("amd", "instinct", "radeon", "intel", "gaudi")


def _of_others(card: str, model: str, settings: Mapping[tuple[str, str], str]) -> bool:
    return settings.get((card, "vendor"), "") in _OTHERS or any(word in _OTHERS for word in model.lower().split())


def _images(estate: Estate, settings: Mapping[tuple[str, str], str], stated: _Stated) -> Iterator[Found]:
    """What a container's image says by its name and tag."""
    known: dict[str, tuple[str, str]] = {}
    for fact in estate.facts("uses_image"):
        if fact.object not in known:
            name, _, tag = fact.object.partition("@")[0].rpartition("/")[2].removeprefix("image:").partition(":")
            numbered = tag.removeprefix("v")[:1].isdigit()
            known[fact.object] = _IMAGES.get(name.lower(), ""), tag if numbered else ""
        product, tag = known[fact.object]
        if product:
            facts = _configured(product, fact.subject, settings, stated)
            yield fact.subject, Install(product, tag, "linux", facts=facts), fact


def _firmware(estate: Estate) -> Iterator[Found]:
    labels = {fact.subject: fact.object.lower() for fact in estate.facts("labelled") if "model=" in fact.object}
    cards = {fact.object: str(fact.attributes.get("model", "")) for fact in estate.facts("has_gpu")}
    hosts = {fact.object: fact.subject for fact in estate.facts("has_gpu")}
    owner = {fact.object: fact.subject for fact in estate.facts("managed_by")}
    kinds = {hosts[gpu]: generation(model) for gpu, model in cards.items() if generation(model)}
    bundled: set[str] = set()
    waiting: list[tuple[str, Fact]] = []
    for fact in estate.facts("runs_firmware"):
        name, version = str(fact.attributes.get("name", "")).lower(), str(fact.attributes.get("version", ""))
        kind = fact.subject.partition(":")[0]
        if kind == "ibport":
            yield fact.subject, Install(CONNECTX, version), fact
        elif kind == "gpu" and name.endswith("vbios"):
            waiting.append((hosts.get(fact.subject, ""), fact))
        elif _is_of_board(name):
            host = owner.get(fact.subject, fact.subject)
            is_bundle = "bundle" in name
            if is_bundle:
                bundled.add(host)
            line = "" if is_bundle else HMC
            yield fact.subject, Install(BUNDLE, version, line=line, models=kinds.get(host, ())), fact
        elif kind == "bmc":
            machine = labels.get(owner.get(fact.subject, ""), "")
            models = _controller(f"{name} {labels.get(fact.subject, '')} {fact.object.lower()}", machine)
            yield fact.subject, Install(BMC, version, models=models), fact
    for host, fact in waiting:
        model = cards.get(fact.subject, "")
        if host not in bundled and (generation(model) or line_of("", model)):
            yield fact.subject, Install(VBIOS, str(fact.attributes.get("version", "")), models=generation(model)), fact


def _is_of_board(name: str) -> bool:
    """Whether a firmware is an HGX board's bundle or what its HMC runs: not the root of trust beside it (ERoT)."""
    return "hgx" in name and ("bundle" in name or ("hmc" in name and "erot" not in name))


def _controller(about: str, machine: str) -> tuple[str, ...]:
    """Whose firmware a controller runs, by its names and its machine's model; () where nothing tells."""
    if "dgxa100" in "".join(letter for letter in f"{machine} {about}" if letter.isalnum()):
        return ("dgx a100",)
    words = set("".join(letter if letter.isalnum() else " " for letter in about).split())
    if any(words.issuperset(name) for name in _AMI):
        return ("megarac",)
    bare = {word.rstrip("0123456789") for word in words}  # idrac9, ilo5
    return next(((name,) for name in _NOT_AMI if name in bare), ())
