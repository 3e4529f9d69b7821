"""Users with passwords for tests of who may do what: the files that ship hold none."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Final

REDIS_ACL: Final = Path(__file__).resolve().parents[2] / "deploy" / "redis.acl"


def secret_of(user: str) -> str:
    """The password that a user has in tests."""
    return f"{user}-secret"


def redis_acl_with_passwords() -> str:
    """The ACL file, with a password for every user as docs/security.md says to set it."""
    lines = []
    for line in REDIS_ACL.read_text().splitlines():
        digest = hashlib.sha256(secret_of(line.split()[1]).encode()).hexdigest()
        lines.append(line.replace(" resetpass ", f" #{digest} "))
    return "\n".join(lines) + "\n"


def redis_url_of(url: str, program: str) -> str:
    """The URL of a server with the login of a program; `root` may do everything."""
    user = program if program == "root" else f"dojo-{program}"
    return url.replace("://", f"://{user}:{secret_of(user)}@")
