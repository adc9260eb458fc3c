"""Runs a program that imports oss2 with ossplit.oss2 in its place: `python as_oss2.py PROGRAM ARGUMENT...`."""

import importlib
import pkgutil
import runpy
import sys

import ossplit.oss2

for module in pkgutil.iter_modules(ossplit.oss2.__path__, "ossplit.oss2."):
    importlib.import_module(module.name)
for name in [name for name in sys.modules if name == "ossplit.oss2" or name.startswith("ossplit.oss2.")]:
    sys.modules[name[len("ossplit."):]] = sys.modules[name]

if __name__ == "__main__":
    program = sys.argv.pop(1)
    sys.path.insert(0, program.rpartition("/")[0])
    runpy.run_path(program, run_name="__main__")
