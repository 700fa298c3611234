"""Who is signed in: a sealed cookie without the secret, ended by time and by the key's end."""

from __future__ import annotations

import hmac

import msgspec

from stateward import ids
from stateward.access.sealing import MasterKey, SealBroken

LONGEST_MS = 12 * 60 * 60 * 1000
IDLE_MS = 60 * 60 * 1000
RENEW_MS = 60 * 1000
"""How old the cookie's last visit may be before a page writes it anew."""
COOKIE = "stateward-session"
PURPOSE = "console session"
OPEN_SESSION = "open"


class Session(msgspec.Struct, frozen=True):
    """What the cookie says; instants are protocol time in ms. `proof` binds it to the secret that the key had."""

    access_key_id: str
    proof: str
    begun_ms: int
    seen_ms: int
    nonce: str

    def is_over(self, wall_ms: int) -> bool:
        """Twelve hours after the sign-in, or an hour after the last page."""
        return wall_ms >= self.begun_ms + LONGEST_MS or wall_ms >= self.seen_ms + IDLE_MS

    def seen(self, wall_ms: int) -> Session:
        return msgspec.structs.replace(self, seen_ms=wall_ms)


class Sessions:
    """Seals and opens sessions with the master key; nothing is stored."""

    def __init__(self, master: MasterKey) -> None:
        self._master = master

    def begin(self, access_key_id: str, secret: str, wall_ms: int) -> Session:
        proof = self._proof(access_key_id, secret)
        return Session(access_key_id, proof, wall_ms, wall_ms, ids.random_bytes(16).hex())

    def is_of(self, session: Session, secret: str) -> bool:
        """Whether the key still has the secret that signed in."""
        return hmac.compare_digest(session.proof, self._proof(session.access_key_id, secret))

    def seal(self, session: Session) -> str:
        return self._master.seal(PURPOSE, msgspec.json.encode(session))

    def open(self, cookie: str, wall_ms: int) -> Session | None:
        """The session of a cookie; None for one that was not sealed here, or is over."""
        try:
            session = msgspec.json.decode(self._master.open(PURPOSE, cookie), type=Session)
        except (SealBroken, msgspec.DecodeError, UnicodeEncodeError):
            return None
        return None if session.is_over(wall_ms) else session

    def csrf(self, session: Session | None) -> str:
        """What each form of this session carries; under `--auth open` there is one for everybody."""
        return self._master.derive("console form", OPEN_SESSION if session is None else session.nonce).hex()[:40]

    def _proof(self, access_key_id: str, secret: str) -> str:
        return self._master.derive(PURPOSE, f"{access_key_id}\n{secret}").hex()[:40]
