"""A want in a sentence, for explanations and the reference page."""

from ringfence.assess.harden.measure import Assign, Device, Edit, Own, Permissions, Shown, Sysctl, Told, Want

_EDITS = {
    "pam": "pam_slurm_adopt is the last rule of the account phase, behind pam_access for administrators",
    "fstab": "every network file system is mounted nosuid,nodev",
    "exports": "no export has no_root_squash or insecure, and none that everybody may write",
}


def desired(want: Want) -> str:
    """What is to be so."""
    match want:
        case Sysctl(key, value, least, also):
            values = " or ".join(map(str, (value, *also)))
            return f"{key} is {'at least ' if least else ''}{values}, now and at boot"
        case Own(path, text):
            return f"{path} holds `{'; '.join(line for line in text.splitlines() if line)}`"
        case Assign(paths, values):
            return f"{', '.join(f'{key} is {value}' for key, value in values.items())} in {' or '.join(paths)}"
        case Edit(path, style):
            return f"{path}: {_EDITS[style]}"
        case Permissions(pattern, most, group):
            return f"{pattern} is not wider than {most:04o}" + (f", of group {group}" if group else "")
        case Device(field, value):
            return f"{field} is {value} on every GPU that has it"
        case Shown(_, _, well):
            return f"every {want.pattern} is like `{well}` (looked at, never changed)"
        case Told(path, pattern, _, never):
            return f"{'no line' if never else 'a line'} of {path} is like `{pattern}` (looked at, never changed)"
