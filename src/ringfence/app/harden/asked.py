"""How a line of shell that somebody wrote is asked of a host: by `/bin/sh -c`, here and there alike.

text ─▶ names {host}? ──yes──▶ env HOST=name /bin/sh -c TEXT                here, {host} replaced
                       └─no──▶ REACH 'env HOST=name /bin/sh -c TEXT'        there, one word for each shell on the way

Cut into words instead, `|`, `&&` and `$X` would be arguments, and a check that fails would end well.
"""

import shlex
from collections.abc import Sequence

from ringfence.errors import UsageError
from ringfence.estate.ids import clean

HOST = "{host}"
_SHELL = ("/bin/sh", "-c")
_SIGNS = "._-:%"


def is_name(name: str) -> bool:
    """Whether it is a host's name: no option of a command, and nothing in it that a shell reads."""
    return name.isascii() and name[:1] not in ("", "-") and all(sign.isalnum() or sign in _SIGNS for sign in name)


def line(text: str, host: str, reach: Sequence[str]) -> list[str]:
    """The words to run for a line of shell: on this machine where it names `{host}`, else on the host.

    `$HOST` is the host's name in it. Raises `UsageError` for what is no name of a host.
    """
    if not is_name(host):
        raise UsageError(f"{clean(host)[:60]!r} is no name of a host", "letters, figures and . _ - : % make one")
    if HOST in text:
        return ["env", f"HOST={host}", *_SHELL, text.replace(HOST, host)]
    return there(("env", f"HOST={host}", *_SHELL, text), host, reach)


def there(words: Sequence[str], host: str, reach: Sequence[str]) -> list[str]:
    """The words to run for words on a host. The far shell reads one line, so each is quoted for it."""
    return [*(word.replace(HOST, host) for word in reach), shlex.join(words)]
