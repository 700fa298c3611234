"""What an operation of Stateward's own is: name, role, address, form and function (console 6)."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import msgspec

from stateward.access.call import Answer, Call
from stateward.wire.errors import validation_error

Function = Callable[[Call, Any], Awaitable[Answer]]


class Extension(msgspec.Struct, frozen=True):
    """One operation: its name, the least role, its address, what a request may hold, and the function.

    Members come from the path, the query and, for POST, the body; `form` says their types and is what the function
    gets. A query's text is read as the type asks.
    """

    name: str
    role: str
    method: str
    path: str
    form: type[msgspec.Struct]
    function: Function

    def validated(self, given: Mapping[str, Any]) -> Any:
        """Members as given, turned into the form. Raises ValidationException."""
        try:
            return msgspec.convert(given, type=self.form, strict=False)
        except msgspec.ValidationError as error:
            fields = ", ".join(self.form.__struct_fields__)
            raise validation_error(f"{error}; {self.name} takes {fields or 'no members'}") from None


class NoMembers(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A request that says nothing."""
