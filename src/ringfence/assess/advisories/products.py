"""What a publisher's names mean: product, operating system, product line, branch and models.

One table per question. A name that stands in no table is no product of ours, and is counted, not guessed.
"""

import msgspec

from ringfence.assess.advisories.tokens import Kind, tokens
from ringfence.wire.advisory import Named

DRIVER = "gpu-driver"
TOOLKIT = "container-toolkit"
OPERATOR = "gpu-operator"
PLUGIN = "device-plugin"
VBIOS = "vbios"
BUNDLE = "hgx-bundle"
CONNECTX = "connectx"
BMC = "bmc"
SLURM = "slurm"
TRITON = "triton"
RAY = "ray"
MLFLOW = "mlflow"
SWITCH = "switch-os"

PRODUCTS = (
    *(DRIVER, TOOLKIT, OPERATOR, PLUGIN, VBIOS, BUNDLE, CONNECTX, BMC, SLURM, TRITON, RAY, MLFLOW, SWITCH),
)  # fmt: skip
"""What verdicts are about: the names after `advisories/` in coverage."""


class Place(msgspec.Struct, frozen=True):
    """Which installations a row of an advisory speaks of. "" and () mean that it does not say.

    `branch`: a driver's release branch, a firmware's or a switch system's train.
    """

    product: str
    system: str = ""
    line: str = ""
    branch: str = ""
    models: tuple[str, ...] = ()


GUEST, MANAGER = "Guest driver", "Virtual GPU Manager"
_VIRTUAL = (GUEST, MANAGER)
VGPU, GAMING = ", vGPU", ", gaming"
"""Which releases of these: behind the line's name. Both number the same branches, each in its own way."""

_LINES = {
    "guest driver": GUEST,
    "virtual gpu manager": MANAGER,
    "geforce": "GeForce",
    "nvidia rtx, quadro, nvs": "RTX",
    "nvidia rtx/ quadro, nvs": "RTX",
    "tesla": "Tesla",
}
_NAMES = {
    "nvidia container toolkit": TOOLKIT,
    "nvidia gpu operator": OPERATOR,
    "nvidia kubernetes device plugin": PLUGIN,
    "triton inference server": TRITON,
    "nvidia triton inference server": TRITON,
    "ray": RAY,
    "ray-project/ray": RAY,
    "mlflow": MLFLOW,
    "mlflow/mlflow": MLFLOW,
    "slurm": SLURM,
}
_SWITCHES = {"mellanox os": "mlnx-os", "onyx": "onyx", "cumulus linux": "cumulus", "nvos": "nvos"}
_BUNDLES = {
    "hgx, dgx hopper": ("hopper",),
    "hopper hgx 8-gpu": ("hopper",),
    "hgx, dgx blackwell": ("blackwell",),
    "hgx & dgx gb200": ("gb200",),
    "hgx & dgx gb300": ("gb300",),
    "hgx & dgx b300": ("b300",),
}
_NICS = ("connectx", "bluefield")


_MAKERS = {
    RAY: ("ray", "rayproject", "anyscale"),
    MLFLOW: ("mlflow", "lfprojects", "databricks"),
    SLURM: ("schedmd", "slurm"),
}
_NVIDIA = ("nvidia", "mellanox")
_NOBODY = ("", "na", "unknown", "unspecified")


def place(named: Named) -> Place | None:
    """Where a row of an advisory belongs, or None if it is about nothing that the estate can hold."""
    found = _by_name(named)
    return found if found is not None and _made_by(found.product, named.vendor) else None


def _made_by(product: str, vendor: str) -> bool:
    """Whether a vendor makes this product; another's of the same name is not meant. One that is not told may."""
    bare = "".join(letter for letter in vendor.lower() if letter.isalnum())
    return bare in _NOBODY or (bare in _MAKERS[product] if product in _MAKERS else bare.startswith(_NVIDIA))


def _by_name(named: Named) -> Place | None:
    name = named.product.lower()
    if name in _LINES:
        return _driver(named, _LINES[name])
    if name in _NAMES:
        return Place(_NAMES[name], _system(named.platform), models=_part(named.platform))
    if name in _SWITCHES:
        train = "LTS" if "lts" in named.platform.lower() else "GA"
        return Place(SWITCH, line=_SWITCHES[name], branch=train if _SWITCHES[name] == "mlnx-os" else "")
    if name in _BUNDLES:
        line = "hmc" if "hmc" in named.platform.lower() else _first(named.platform)
        return Place(BUNDLE, line=line, models=_BUNDLES[name])
    if name.startswith(_NICS) and "bmc" not in name:
        return _nic(named)
    if name == "dgx a100" and "bmc" in named.version.lower():
        return Place(BMC, models=("dgx a100",))
    return None


def _driver(named: Named, line: str) -> Place | None:
    """`Linux(R535)`, `Linux(R535 vGPU 16)`, `Red Hat Enterprise Linux KVM, VMware vSphere(R550 Gaming)`."""
    branch, _, release = named.platform.rpartition("(")[2].rstrip(")").partition(" ")
    system = _hypervisor(named.platform) if line == MANAGER else _system(named.platform)
    if not system or not (branch[:1] == "R" and branch[1:].isdecimal() and len(branch) < MOST_BRANCH):
        return None
    if line in _VIRTUAL:
        line += GAMING if "gaming" in release.lower() else VGPU
    elif release:
        return None  # a release that is not this line's own
    return Place(DRIVER, system, line, branch[1:])


MOST_BRANCH = 8
"""Letters of a branch's name; a longer one is none."""


def _hypervisor(platform: str) -> str:
    """Hypervisors of Microsoft's take drivers that are numbered as those of Windows."""
    return "windows" if any(word in platform.lower() for word in ("azure", "windows")) else "linux"


def numbering(system: str, line: str) -> str:
    """Whose branches are numbered alike: guests and managers of vGPUs get bulletins of their own, as systems do."""
    return f"{system} vgpu" if line.startswith(_VIRTUAL) else system


def _system(platform: str) -> str:
    first = _first(platform)
    if first in ("windows", "linux"):
        return "" if "," in platform else first
    return ""


def _first(text: str) -> str:
    words = [token.text for token in tokens(text) if token.kind is Kind.WORD]
    return words[0] if words else ""


def _part(platform: str) -> tuple[str, ...]:
    """A part of the product that must be in use, if the platform names one: `DALI Backend`."""
    return ("dali",) if "dali" in platform.lower() else ()


def _nic(named: Named) -> Place:
    """An adapter's firmware: the train from the product's name, the models from it or from the platform."""
    words = named.product.upper().replace("-", " ").split()
    train = next((word for word in words if word == "GA" or word.startswith("LTS")), "")
    names = named.platform if train else named.product
    models = tuple(dict.fromkeys(filter(None, map(model_key, names.split(",")))))
    return Place(CONNECTX, branch=train, models=models)


def model_key(text: str) -> str:
    """`ConnectX-6 LX` and `ConnectX 6 LX` are one model; so is what a bulletin misspelt.

    >>> model_key(" ConnectX-6 LX")
    'connectx6lx'
    """
    bare = "".join(letter for letter in text.partition("(")[0].lower() if letter.isalnum())
    bare = bare.replace("bludfield", "bluefield")
    return bare if bare.startswith(_NICS) else ""


NIC_MODELS = {
    12: "connectx4",
    14: "connectx4lx",
    16: "connectx5",
    18: "bluefield1",
    20: "connectx6",
    22: "connectx6dx",
    24: "bluefield2",
    26: "connectx6lx",
    28: "connectx7",
    32: "bluefield3",
    40: "connectx8",
}
"""The first number of an adapter's firmware version names its model; bulletins leave it out."""

_BRANDS = {
    "geforce": "GeForce",
    "titan": "GeForce",
    "quadro": "RTX",
    "nvidia rtx": "RTX",
    "quadro rtx": "RTX",
    "nvs": "RTX",
    "tesla": "Tesla",
}
_DATA_CENTRE = (
    *("A2", "A10", "A10G", "A16", "A30", "A40", "A100", "A800", "B100", "B200", "B300", "GB200", "GB300", "GH200"),
    *("H20", "H100", "H200", "H800", "L4", "L20", "L40", "L40S", "P4", "P40", "P100", "T4", "T4G", "V100"),
)


def line_of(brand: str, model: str) -> str:
    """The bulletins' product line of a GPU: from its brand, else from its name; "" if neither tells.

    nvidia-smi says "NVIDIA" for A100, A10G and T4, where the bulletins say Tesla.

    >>> line_of("NVIDIA", "NVIDIA A10G"), line_of("GeForce", "Graphics Device"), line_of("", "NVIDIA RTX A6000")
    ('Tesla', 'GeForce', 'RTX')
    """
    if brand.lower() in _BRANDS:
        return _BRANDS[brand.lower()]
    words = model.replace("-", " ").replace("_", " ").split()
    for word, line in (("GeForce", "GeForce"), ("TITAN", "GeForce"), ("Quadro", "RTX"), ("RTX", "RTX")):
        if word in words:
            return line
    return "Tesla" if "Tesla" in words or any(word in _DATA_CENTRE for word in words) else ""


def generation(model: str) -> tuple[str, ...]:
    """What the bundles of HGX and DGX call the machine that a GPU of this name sits in; () for others."""
    words = model.replace("-", " ").split()
    if "PCIe" in words or "NVL" in words:
        return ()
    for name in ("GB300", "GB200", "B300"):
        if name in words:
            return ("blackwell", name.lower())
    if "B200" in words or "B100" in words:
        return ("blackwell",)
    return ("hopper",) if {"H100", "H200", "H800", "H20"} & set(words) else ()
