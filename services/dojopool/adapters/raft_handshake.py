"""Who is at the other end of a connection, asked before the core sees a byte.

The dialler sends a hello, the listener answers with a welcome or with the reason why not. Both sides check the same
facts: the certificate names the member (TLS has verified it by then), the cluster is ours, the member is the one that
was meant, and its disk is the one that was there when it was first seen (`raft_known_disks`). What a handshake
refuses is a Rejected with a kind to count and a text that says what was found and what to do.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from struct import Struct
from typing import Final

from dojopool.adapters.raft_frames import Rejected
from dojopool.errors import ConfigError

MAGIC: Final = b"dojoraft"
VERSION: Final = 1
"""Version of everything on the connection. Another one is refused."""

DISK_ID_BYTES: Final = 16
CLUSTER_BYTES_MAX: Final = 64
HELLO_BYTES_MAX: Final = 256
"""Greatest frame taken from somebody unknown."""

REASON_BYTES_MAX: Final = 1024

_HELLO: Final = Struct("<8sHQQ16s")


@dataclass(frozen=True, slots=True)
class Hello:
    """What one side says of itself, and whom it means."""

    cluster: str
    """Name of the group; two groups on one network must differ in it."""
    from_: int
    to: int
    disk_id: bytes

    def __post_init__(self) -> None:
        if not 1 <= len(self.cluster.encode()) <= CLUSTER_BYTES_MAX:
            raise ConfigError(
                f"a cluster's name has 1 to {CLUSTER_BYTES_MAX} bytes in UTF-8, {self.cluster!r} has"
                f" {len(self.cluster.encode())}"
            )
        if len(self.disk_id) != DISK_ID_BYTES:
            raise ConfigError(f"the identity of a disk has {DISK_ID_BYTES} bytes, this one {len(self.disk_id)}")


def encode_hello(hello: Hello) -> bytes:
    """Body of a HELLO or WELCOME frame."""
    return _HELLO.pack(MAGIC, VERSION, hello.from_, hello.to, hello.disk_id) + hello.cluster.encode()


def decode_hello(body: bytes) -> Hello:
    """Read a HELLO or WELCOME; Rejected for anything else."""
    if len(body) <= _HELLO.size:
        raise Rejected("malformed", f"a hello has more than {_HELLO.size} bytes, this one {len(body)}")
    magic, version, from_, to, disk_id = _HELLO.unpack_from(body)
    if magic != MAGIC:
        raise Rejected("malformed", f"a hello begins with {MAGIC!r}, this one with {magic!r}")
    if version != VERSION:
        raise Rejected(
            "version", f"the other side speaks version {version}, this side {VERSION}: run one release on all members"
        )
    try:
        return Hello(body[_HELLO.size :].decode(), from_, to, disk_id)
    except (UnicodeDecodeError, ConfigError) as error:
        raise Rejected("malformed", f"a hello cannot be read: {error}") from None


def check_hello(found: Hello, mine: Hello, *, expected: int | None, members: Collection[int]) -> None:
    """Refuse what was said by anybody but a member of this group that means this member.

    `mine` is what this side says of itself, `expected` the member that was dialled (None: whoever is in `members`).
    """
    if found.cluster != mine.cluster:
        raise Rejected("cluster", f"it belongs to cluster {found.cluster!r}, this member to {mine.cluster!r}")
    if found.to != mine.from_:
        raise Rejected("addressee", f"it means member {found.to}, this is member {mine.from_}: check the addresses")
    if found.from_ == mine.from_:
        raise Rejected("member", f"it says that it is member {found.from_}, which is this one: ids are never shared")
    if expected is not None and found.from_ != expected:
        raise Rejected("member", f"member {found.from_} answers at the address of member {expected}")
    if found.from_ not in members:
        raise Rejected("member", f"member {found.from_} is not known here: name it and its address first")


def check_certificate(names: Collection[str], expected: str) -> None:
    """Refuse a certificate that does not name the member."""
    if expected not in names:
        shown = ", ".join(sorted(names)) or "nobody"
        raise Rejected("certificate", f"the certificate names {shown}, not {expected!r}")
