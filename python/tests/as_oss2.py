"""Runs a program that imports oss2 with ossplit.oss2 in its place: `python as_oss2.py PROGRAM ARGUMENT...`."""

import importlib
import pkgutil
import runpy
import sys

import ossplit.oss2


def substitutes():
    """What `sys.modules` is to have, so that `import oss2` and `from oss2.part import name` find ours."""
    for module in pkgutil.iter_modules(ossplit.oss2.__path__, "ossplit.oss2."):
        importlib.import_module(module.name)
    ours = [name for name in sys.modules if name == "ossplit.oss2" or name.startswith("ossplit.oss2.")]
    return {name[len("ossplit."):]: sys.modules[name] for name in ours}


if __name__ == "__main__":
    sys.modules.update(substitutes())
    program = sys.argv.pop(1)
    sys.path.insert(0, program.rpartition("/")[0])
    runpy.run_path(program, run_name="__main__")
