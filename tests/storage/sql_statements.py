"""Every SQL constant of the stores, and which row type its function reads it into."""

import ast
import importlib
import inspect
import pkgutil
import re

import msgspec

import stateward

KEYWORDS = ("SELECT", "INSERT", "UPDATE", "DELETE")
READERS = ("rows", "row", "column", "value")


class Statement:
    """One constant; `row_types` are the types that functions of its module read it into."""

    def __init__(self, module, name, sql, row_types):
        self.id = f"{module.__name__.removeprefix('stateward.')}.{name}"
        self.sql = sql
        self.row_types = row_types

    @property
    def parameters(self):
        """Numbers of the parameters, each once."""
        return sorted({int(number) for number in re.findall(r"\$(\d+)", self.sql)})


def store_modules():
    found = pkgutil.walk_packages(stateward.__path__, "stateward.")
    return [importlib.import_module(one.name) for one in found if one.name.rpartition(".")[2].startswith("store")]


def calls_on_transactions(module):
    """(method, SQL argument, row type argument or None) of each `tx.rows(…)` and its like, as syntax trees."""
    for node in ast.walk(ast.parse(inspect.getsource(module))):
        match node:
            case ast.Call(func=ast.Attribute(value=ast.Name(id="tx"), attr="rows" | "row" as method)):
                yield method, node.args[1], node.args[0]
            case ast.Call(func=ast.Attribute(value=ast.Name(id="tx"), attr=method)) if method in (
                "column",
                "value",
                "execute",
                "execute_many",
            ):
                yield method, node.args[0], None


def statements():
    found = {}
    for module in store_modules():
        row_types = {}
        for _, sql, row_type in calls_on_transactions(module):
            if isinstance(sql, ast.Name) and isinstance(row_type, ast.Name):
                row_types.setdefault(sql.id, set()).add(getattr(module, row_type.id))
        for name, value in vars(module).items():
            if isinstance(value, str) and value.lstrip().startswith(KEYWORDS) and name not in found:
                statement = Statement(module, name, value, row_types.get(name, set()))
                found[statement.id] = statement
    return list(found.values())


def fields_of(row_type):
    """Name → the Python type of a field without None."""
    return {info.encode_name: _plain(info.type) for info in msgspec.structs.fields(row_type)}


def _plain(hint):
    options = [option for option in getattr(hint, "__args__", (hint,)) if option is not type(None)]
    return options[0] if len(options) == 1 else hint
