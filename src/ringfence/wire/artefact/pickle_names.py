"""Which importable names run code when a pickle reaches them, and which only build tensors.

Three answers, because two would lie: "benign" are the names that PyTorch, NumPy and the standard
containers write into real checkpoints; "dangerous" are known to run code, open files or the
network; everything else is "unknown", and unknown is never safe.
"""

_BENIGN = frozenset(
    {
        ("collections", "OrderedDict"),
        ("collections", "defaultdict"),
        ("collections", "deque"),
        ("collections", "Counter"),
        ("datetime", "datetime"),
        ("datetime", "date"),
        ("datetime", "timedelta"),
        ("decimal", "Decimal"),
        ("fractions", "Fraction"),
        ("argparse", "Namespace"),
        ("types", "SimpleNamespace"),
        ("pathlib", "PosixPath"),
        ("pathlib", "PurePosixPath"),
        ("_codecs", "encode"),
        ("copyreg", "_reconstructor"),
        ("numpy", "dtype"),
        ("numpy", "ndarray"),
        ("torch", "Size"),
        ("torch", "device"),
        ("torch", "dtype"),
        ("torch", "Tensor"),
        ("torch.nn.parameter", "Parameter"),
        ("torch.storage", "UntypedStorage"),
        ("torch.storage", "TypedStorage"),
        ("torch.serialization", "_get_layout"),
        ("torch._tensor", "_rebuild_from_type_v2"),
    }
)
_BENIGN_BUILTINS = frozenset(
    {"list", "dict", "set", "frozenset", "tuple", "int", "float", "complex", "str", "bytes", "bytearray", "bool"}
    | {"slice", "range", "object"}
)
_BUILTINS = ("builtins", "__builtin__", "__builtins__")
_TORCH_TYPES = ("Storage", "Tensor")
_TORCH_REBUILD = "_rebuild_"
_NUMPY_CORE = ("numpy.core.multiarray", "numpy._core.multiarray", "numpy.core.numeric", "numpy._core.numeric")
_NUMPY_NAMES = ("_reconstruct", "scalar", "_frombuffer")

_DANGEROUS_NAMES = frozenset(
    {
        *("eval", "exec", "compile", "execfile", "open", "__import__", "getattr", "setattr", "delattr", "vars"),
        *("globals", "locals", "apply", "input", "breakpoint", "system", "popen", "Popen", "call", "check_output"),
        *("check_call", "spawn", "fork", "execv", "execve", "run", "loads", "load", "unpickle"),
    }
)
_DANGEROUS_MODULES = frozenset(
    {
        *("os", "posix", "nt", "subprocess", "_posixsubprocess", "pty", "sys", "socket", "_socket", "ssl", "shutil"),
        *("runpy", "code", "codeop", "pdb", "bdb", "cProfile", "profile", "timeit", "trace", "doctest", "imp"),
        *("importlib", "_imp", "pkgutil", "zipimport", "ctypes", "_ctypes", "cffi", "marshal", "types", "inspect"),
        *("operator", "_operator", "functools", "_functools", "pickle", "_pickle", "cPickle", "dill", "cloudpickle"),
        *("joblib", "shelve", "webbrowser", "requests", "urllib", "urllib2", "http", "httplib", "ftplib", "smtplib"),
        *("telnetlib", "xmlrpc", "aiohttp", "httpx", "asyncio", "multiprocessing", "threading", "_thread", "signal"),
        *("gc", "weakref", "tempfile", "glob", "fileinput", "linecache", "logging", "venv", "ensurepip", "pip"),
        *("pydoc", "platform", "commands", "popen2", "sysconfig", "distutils", "setuptools", "builtins"),
        *("__builtin__", "__builtins__", "test", "unittest", "idlelib", "lib2to3", "_pyrepl", "_aix_support"),
        *("_osx_support", "bsddb", "tkinter", "turtle", "ast", "symtable", "atexit", "sched", "faulthandler"),
    }
)
_DANGEROUS_TORCH = (
    *("torch.utils", "torch._dynamo", "torch._inductor", "torch.hub", "torch.jit", "torch.fx"),
    *("torch.package", "torch._utils_internal", "torch.distributed", "torch.testing", "torch.cuda"),
)
COMPUTED = "?"


def verdict(module: str, name: str) -> str:
    """Say "benign", "dangerous" or "unknown" of one import of a pickle.

    `?` stands for a name that is computed while loading: no pickler writes that, only someone hiding it.
    """
    if COMPUTED in (module, name):
        return "dangerous"
    if (module, name) in _BENIGN or (module in _BUILTINS and name in _BENIGN_BUILTINS):
        return "benign"
    if module in _NUMPY_CORE and name in _NUMPY_NAMES:
        return "benign"
    if module in ("torch", "torch.cuda") and name.endswith(_TORCH_TYPES) and "." not in name:
        return "benign"
    if module == "torch._utils" and name.startswith(_TORCH_REBUILD):
        return "benign"
    if module.partition(".")[0] in _DANGEROUS_MODULES or module.startswith(_DANGEROUS_TORCH):
        return "dangerous"
    if name.rpartition(".")[2] in _DANGEROUS_NAMES:
        return "dangerous"
    return "unknown"
