"""Options and errors of Redis clients."""

from __future__ import annotations

from pathlib import Path

import pytest
from redis import exceptions
from redis.asyncio import SSLConnection

from dojopool.adapters.redis_client import place_of, redis_client, redis_faults
from dojopool.errors import ConfigError, Unavailable


def test_every_wait_of_a_client_is_limited_and_nothing_is_retried() -> None:
    """Whether to try again is for the caller, who knows what it means."""
    options = redis_client("redis://host", ca=None, connections=3).connection_pool.connection_kwargs

    assert options["socket_timeout"] == 5
    assert options["socket_connect_timeout"] == 3
    assert options["retry"].get_retries() == 0


def test_rediss_is_tls_that_verifies(tmp_path: Path) -> None:
    """A `rediss://` URL checks certificate and name, against the given authorities."""
    (tmp_path / "ca.pem").touch()
    pool = redis_client("rediss://host", ca=tmp_path / "ca.pem", connections=1).connection_pool

    assert pool.connection_class is SSLConnection
    connection = SSLConnection(**pool.connection_kwargs)
    assert connection.ca_certs == str(tmp_path / "ca.pem")
    assert (connection.cert_reqs.name, connection.check_hostname) == ("CERT_REQUIRED", True)


def test_what_cannot_be_used_is_the_settings_fault(tmp_path: Path) -> None:
    """A file that is not there and a port that is none are found before anything is connected; no password is shown."""
    with pytest.raises(ConfigError, match="DOJO_REDIS_CA"):
        redis_client("rediss://host", ca=tmp_path / "missing.pem", connections=1)
    with pytest.raises(ConfigError) as refused:
        redis_client("redis://:hidden@host:port", ca=None, connections=1)

    assert "host:port" in str(refused.value)
    assert "hidden" not in str(refused.value)


def test_a_place_has_no_password() -> None:
    """Messages say which server and database, never who we are there."""
    assert place_of("redis://user:p@ss@host:1/2") == "host:1/2"
    assert place_of("rediss://host") == "host"


@pytest.mark.parametrize(
    ("error", "ours"),
    [
        (exceptions.ConnectionError("refused"), Unavailable),
        (exceptions.TimeoutError("slow"), Unavailable),
        (exceptions.BusyLoadingError("loading"), Unavailable),
        (exceptions.OutOfMemoryError("command not allowed"), Unavailable),
        (exceptions.ReadOnlyError("You can't write against a read only replica."), Unavailable),
        (exceptions.ResponseError("MISCONF Redis is configured to save RDB snapshots"), Unavailable),
        (exceptions.ResponseError("BUSY Redis is busy running a script"), Unavailable),
        (exceptions.AuthenticationError("WRONGPASS"), ConfigError),
        (exceptions.NoPermissionError("this user has no permissions"), ConfigError),
        (exceptions.ResponseError("unknown command 'FUNCTION', with args"), ConfigError),
        (exceptions.MovedError("1 127.0.0.1:7001"), ConfigError),
        (exceptions.ResponseError("WRONGTYPE Operation against a key"), exceptions.ResponseError),
    ],
)
def test_each_error_says_who_is_at_fault(error: Exception, ours: type[Exception]) -> None:
    """What may pass is Unavailable, what must be set right is ConfigError, what only a bug causes stays as it is."""
    with pytest.raises(ours) as raised, redis_faults("host:1", "writing"):
        raise error

    assert type(raised.value) is (ours if ours is not exceptions.ResponseError else type(error))
