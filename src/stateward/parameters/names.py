"""Names of parameters, and references to them: `name`, `name:version`, `name:label`, or an ARN (spec 6.3).

A single name may be written with a leading slash, which is dropped; a hierarchy must begin with one.
"""

from __future__ import annotations

import re

import msgspec

from stateward.access.principals import Scope
from stateward.wire.errors import AwsError

LEVELS = 15
LONGEST_ARN = 1011
LARGEST_VERSION = 2**63 - 1
RESERVED = ("aws", "ssm")
SECRETS_MANAGER = "/aws/reference/secretsmanager"

PREFIXED = 'Parameter name: can\'t be prefixed with "aws" or "ssm" (case-insensitive).'
MALFORMED = (
    'Parameter name: can\'t be prefixed with "ssm" (case-insensitive). If formed as a path, it can consist of '
    "sub-paths divided by slash symbol; each sub-path can be formed as a mix of letters, numbers and the following "
    "3 symbols .-_"
)
MALFORMED_PATH = (
    "The parameter doesn't meet the parameter name requirements. The parameter name must begin with a forward slash "
    '"/". It can\'t be prefixed with "aws" or "ssm" (case-insensitive). It must use only letters, numbers, or the '
    "following symbols: . (period), - (hyphen), _ (underscore). Special characters are not allowed. All sub-paths, if "
    'specified, must use the forward slash symbol "/". Valid example: /get/parameters2-/by1./path0_.'
)

_NAME = re.compile(r"[a-zA-Z0-9_.-]+|(?:/[a-zA-Z0-9_.-]+)+")
_UNROOTED = re.compile(r"[a-zA-Z0-9_.-]+(?:/[a-zA-Z0-9_.-]*)+")
_PATH = re.compile(r"/|(?:/[a-zA-Z0-9_.-]+)+/?")
_ARN = re.compile(r"arn:[^:]*:ssm:(?P<region>[^:]*):(?P<account_id>[^:]*):parameter(?P<rest>/.*)")


class Reference(msgspec.Struct, frozen=True):
    """What a caller asks for: a name, and a version number or label where one was given."""

    name: str
    selector: str = ""

    @property
    def version(self) -> int | None:
        """The version that the selector pins, if it is a number; 0, which no version has, for one out of range."""
        if not (self.selector.isascii() and self.selector.isdecimal()):
            return None
        number = int(self.selector) if len(self.selector) < 20 else 0
        return number if number <= LARGEST_VERSION else 0


def canonical(text: str) -> str:
    """The name as it is stored: `/one` and ` one ` are `one`. Raises ValidationException for what is no name."""
    name = text.strip(" ")
    if not _NAME.fullmatch(name):
        raise AwsError("ValidationException", MALFORMED)
    return name[1:] if name.startswith("/") and name.count("/") == 1 else name


def to_create(text: str, scope: Scope) -> str:
    """The name of a parameter to be written.

    Raises ValidationException, AccessDeniedException for the names of AWS's own parameters, or
    HierarchyLevelLimitExceededException.
    """
    if _UNROOTED.fullmatch(text.strip(" ")):
        raise AwsError("ValidationException", "Parameter name must be a fully qualified name")
    name = canonical(text)
    _refuse_reserved(name)
    levels = level_of(name)
    if levels > LEVELS:
        raise AwsError(
            "HierarchyLevelLimitExceededException", f"A hierarchy can have {LEVELS} levels, {name} has {levels}."
        )
    if len(arn(scope, name)) > LONGEST_ARN:
        raise AwsError(
            "ValidationException",
            f"Parameter name: its ARN would have {len(arn(scope, name))} characters, {LONGEST_ARN} are allowed.",
        )
    return name


def reference(text: str, scope: Scope) -> Reference:
    """Take a reference apart. Raises ValidationException for what names no parameter.

    The ARN of another account or Region stays as it is, and no parameter has such a name.
    """
    rest = text.strip(" ")
    if rest.startswith("arn:"):
        found = _ARN.fullmatch(rest)
        if found is None:
            raise AwsError("ValidationException", f"{rest} is not the ARN of a parameter.")
        if Scope(found["account_id"], found["region"]) != scope:
            return Reference(rest)
        rest = found["rest"]
    if rest.startswith(SECRETS_MANAGER):
        raise AwsError(
            "ValidationException", "References to Secrets Manager are not supported by this version of Stateward"
        )
    name, colon, selector = rest.partition(":")
    if colon and (not selector or ":" in selector):
        raise AwsError("ValidationException", f"{rest}: write name, name:version or name:label.")
    return Reference(canonical(name), selector)


def path_of(name: str) -> str:
    """The name with its leading slash, by which parameters are ordered: one → /one."""
    return name if name.startswith("/") else f"/{name}"


def parent_of(name: str) -> str:
    """The path above a name: /a/b/c → /a/b, one → /."""
    return path_of(name).rpartition("/")[0] or "/"


def level_of(name: str) -> int:
    """How many levels a name has: /a/b/c has three."""
    return path_of(name).count("/")


def hierarchy(text: str) -> str:
    """A path to look under, without a slash at its end unless it is `/`. Raises ValidationException."""
    if not _PATH.fullmatch(text):
        raise AwsError("ValidationException", MALFORMED_PATH)
    return text.rstrip("/") or "/"


def arn(scope: Scope, name: str) -> str:
    return f"arn:aws:ssm:{scope.region}:{scope.account_id}:parameter{path_of(name)}"


def _refuse_reserved(name: str) -> None:
    first, _, rest = path_of(name)[1:].lower().partition("/")
    if not first.startswith(RESERVED):
        return
    if not rest:
        raise AwsError("ValidationException", PREFIXED)
    if first.startswith("aws"):
        raise AwsError("AccessDeniedException", f"No access to reserved parameter name: {name}.")
    raise AwsError("ValidationException", MALFORMED)
