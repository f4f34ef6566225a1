"""The scripts that were loaded."""

from collections import namedtuple

ScriptClassData = namedtuple("ScriptClassData", ["script_class", "path", "basedir", "module"])
scripts_data = []
