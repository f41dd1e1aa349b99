"""What Lynis sees of each hardening measure, beside what Ringfence sees of it on a GPU node.

`python -m bench.harden_lynis [--report FILE] [--seconds 240] [--json]`

Each measure names things: kernel settings, modules, options of sshd, files, devices, fields of `nvidia-smi`. Lynis
*looks at* a thing if its own tests or its profile name it (`/usr/share/lynis/include`, `/etc/lynis`). What it *says* is
its report of this machine: a read-only audit, bounded in time, or `--report` of one that was made before. Ringfence
judges the trees of tests/harden/samples, where everything is there and not hardened: no node with all of it is at hand.
"""

import argparse
import re
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tests.harden.trees import grown, sample

from bench.report import emit
from ringfence.app.harden.host import plan_of
from ringfence.assess.harden.measure import Assign, Device, Edit, Measure, Own, Permissions, Sysctl, Told
from ringfence.assess.harden.measures import MEASURES

KNOWN = (Path("/usr/share/lynis/include"), Path("/etc/lynis"))
EDITS = {"pam": "pam_slurm_adopt", "fstab": "nosuid", "exports": "no_root_squash"}
TELLS = {
    "RF-X07": "RmProfilingAdminOnly",
    "RF-X09": "TaskPlugin",
    "RF-X15": "sshd_config",
    "RF-X16": "PrologFlags",
    "RF-X18": "no_root_squash",
    "RF-X19": "nosuid",
    "RF-X20": "cdc_ether",
    "RF-X21": "kernel/security/lockdown",
    "RF-X22": "iommu",
}
"""Of what is only looked at: the word that stands for it."""


def things(measure: Measure) -> Iterator[str]:
    """Words that whoever looks at the same thing has to name."""
    for want in measure.wants:
        match want:
            case Sysctl(key):
                yield key
            case Own(_, text):
                for line in text.splitlines():
                    words = line.split()
                    yield from (words[1:2] if words[0] in ("install", "blacklist") else _options(line))
            case Assign(_, values):
                yield from (key.rpartition(".")[2] for key in values)
            case Edit(_, style):
                yield EDITS[style]
            case Permissions(pattern):
                yield re.split(r"[*\[]", pattern)[0]
            case Device(field):
                yield field.rpartition(".pending")[0] or field
            case Told():
                yield TELLS[measure.id]


def _options(line: str) -> list[str]:
    """The names that a line sets: of modules, of sshd, of udev or of PAM's access file."""
    if line.startswith("options "):
        return [word.partition("=")[0] for word in line.split()[2:]]
    if line.startswith("SUBSYSTEM"):
        return ["infiniband_mad"]
    return ["pam_access"] if line[0] in "+-" else [line.split()[0]]


def names(line: str, word: str, words: list[str]) -> bool:
    """Whether a line names a thing. A word as short as `can` counts only beside a longer one of the same measure."""
    if not re.search(rf"(?i)(?<!\w){re.escape(word)}(?!\w)", line):
        return False
    return len(word) > 3 or any(names(line, one, []) for one in words if len(one) > 3)


def looked_at(word: str, words: list[str], sources: dict[str, list[str]]) -> list[str]:
    """Lynis's own files that name a thing, without regard to case; comments are no tests."""
    return sorted(name for name, lines in sources.items() if any(names(line, word, words) for line in lines))


def read(paths: tuple[Path, ...]) -> dict[str, list[str]]:
    """Lines of Lynis's tests and profile, by file."""
    found = {}
    for folder in paths:
        for file in sorted(folder.rglob("*")) if folder.is_dir() else ():
            if file.is_file():
                lines = file.read_text("utf-8", "replace").splitlines()
                found[file.name] = [line for line in lines if not line.lstrip().startswith("#")]
    return found


def audited(seconds: float) -> str:
    """Lynis's report of this machine."""
    with tempfile.TemporaryDirectory(prefix="lynis-") as folder:
        report = Path(folder, "report")
        argv = ["lynis", "audit", "system", "--quick", "--no-colors", "--quiet"]
        argv += ["--log-file", f"{folder}/log", "--report-file", str(report)]
        subprocess.run(argv, capture_output=True, timeout=seconds, check=False, stdin=subprocess.DEVNULL)
        return report.read_text("utf-8", "replace")


def said(report: str, words: list[str]) -> list[str]:
    """Tests whose suggestions, warnings or details in a report name one of these things."""
    heads = ("suggestion[]=", "warning[]=", "details[]=KRNL-6000")
    lines = [line.partition("=")[2] for line in report.splitlines() if line.startswith(heads)]
    return sorted({line.partition("|")[0] for line in lines if any(names(line, word, words) for word in words)})


def seen_by_us(measure: Measure) -> str:
    """The verdict on a node that lacks it."""
    with tempfile.TemporaryDirectory(prefix="harden-") as folder:
        root = grown(Path(folder).resolve(), sample(measure.name)["tree"])
        (found,) = plan_of(root, [measure]).findings
        return f"{found.verdict}, {len(found.changes)} changes"


def row(measure: Measure, sources: dict[str, list[str]], report: str) -> dict[str, Any]:
    """One line of the table."""
    words = list(dict.fromkeys(things(measure)))
    named = {word: looked_at(word, words, sources) for word in words}
    return {
        "id": measure.id,
        "measure": measure.name,
        "topic": measure.topic,
        "ringfence": seen_by_us(measure),
        "things": len(words),
        "lynis_looks_at": [word for word in words if named[word]],
        "by": sorted({file for files in named.values() for file in files}),
        "lynis_says_here": said(report, words),
    }


def main() -> None:
    ask = argparse.ArgumentParser(description=__doc__)
    ask.add_argument("--report", type=Path)
    ask.add_argument("--seconds", type=float, default=240.0)
    ask.add_argument("--json", action="store_true")
    given = ask.parse_args()
    sources = read(KNOWN)
    if not sources:
        raise SystemExit("lynis is not installed (Debian package lynis)")
    report = given.report.read_text("utf-8", "replace") if given.report else audited(given.seconds)
    rows = [row(measure, sources, report) for measure in MEASURES]
    version = next((line.partition("=")[2] for line in report.splitlines() if line.startswith("lynis_version=")), "?")
    told = [line for line in report.splitlines() if line.startswith(("suggestion[]", "warning[]"))]
    if given.json:
        emit({"lynis": version, "says_here": len(told), "rows": rows}, as_json=True)
        return
    print(f"Lynis {version}, {len(told)} suggestions and warnings on this machine\n")
    print("| measure | Ringfence, where it is lacking | Lynis looks at | Lynis says here |\n|---|---|---|---|")
    for one in rows:
        found = one["lynis_looks_at"]
        looks = f"{len(found)} of {one['things']}" + "".join(f" `{word}`" for word in found)
        says = ", ".join(one["lynis_says_here"])
        print(f"| {one['id']} {one['measure']} | {one['ringfence']} | {looks} | {says} |")


if __name__ == "__main__":
    main()
