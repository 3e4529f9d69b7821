"""Options and errors of Kafka clients."""

from __future__ import annotations

import asyncio
import ssl
from pathlib import Path

import pytest
from aiokafka import errors

from dojopool.adapters.kafka_client import client_options, kafka_faults
from dojopool.errors import CallerError, ConfigError, Unavailable
from dojopool.settings import KafkaSecurity
from support.certificates import self_signed
from support.protocols import PROTOCOLS


@pytest.mark.parametrize(("security", "protocol"), PROTOCOLS)
def test_the_protocol_follows_from_tls_and_login(security: KafkaSecurity, protocol: str) -> None:
    """The four names of Kafka are two questions."""
    options = client_options("host:1", security, "me")

    assert options["security_protocol"] == protocol
    assert ("ssl_context" in options) == security.tls
    assert (options.get("sasl_mechanism"), options.get("sasl_plain_username")) == (security.sasl, security.user)
    assert options.get("sasl_plain_password") == ("x" if security.sasl else None)


def test_tls_verifies_by_default() -> None:
    """A broker shows a certificate for its name that the system's authorities vouch for."""
    context = client_options("host:1", KafkaSecurity(tls=True), "me")["ssl_context"]

    assert (context.verify_mode, context.check_hostname) == (ssl.CERT_REQUIRED, True)
    assert context.get_ca_certs() or ssl.get_default_verify_paths().cafile is None or context.cert_store_stats()


async def test_both_sides_show_their_certificates(tmp_path: Path) -> None:
    """With files for authorities, certificate and key, a handshake with a server that asks for ours succeeds."""
    theirs, their_key = self_signed(tmp_path)
    ours, our_key = self_signed(tmp_path, name="client")
    accepting = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=ours)
    accepting.load_cert_chain(theirs, their_key)
    accepting.verify_mode = ssl.CERT_REQUIRED
    security = KafkaSecurity(tls=True, ca=theirs, cert=ours, key=our_key)

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(str(dict(part[0] for part in writer.get_extra_info("peercert")["subject"])).encode())
        writer.close()

    async with await asyncio.start_server(serve, "localhost", 0, ssl=accepting) as server:
        port = server.sockets[0].getsockname()[1]
        context = client_options("host:1", security, "me")["ssl_context"]
        reader, writer = await asyncio.open_connection("localhost", port, ssl=context)
        seen = await reader.read()
        writer.close()
        with pytest.raises(ssl.SSLCertVerificationError):
            await asyncio.open_connection(
                "localhost", port, ssl=client_options("host:1", KafkaSecurity(tls=True), "me")["ssl_context"]
            )

    assert seen == b"{'commonName': 'client'}"


def test_a_file_that_is_no_certificate_names_its_setting(tmp_path: Path) -> None:
    """Missing and damaged PEM files are found before anything is connected."""
    (tmp_path / "damaged.pem").write_text("not PEM")
    certificate, _ = self_signed(tmp_path)
    for path in (tmp_path / "missing.pem", tmp_path / "damaged.pem"):
        with pytest.raises(ConfigError, match=f"DOJO_KAFKA_CA .*{path.name}"):
            client_options("host:1", KafkaSecurity(tls=True, ca=path), "me")
        with pytest.raises(ConfigError, match="DOJO_KAFKA_CERT or DOJO_KAFKA_KEY"):
            client_options("host:1", KafkaSecurity(tls=True, cert=certificate, key=path), "me")


@pytest.mark.parametrize(
    ("error", "ours"),
    [
        (errors.KafkaConnectionError("refused"), Unavailable),
        (errors.NotEnoughReplicasError(), Unavailable),
        (errors.OutOfOrderSequenceNumber(), Unavailable),
        (errors.ProducerClosed(), Unavailable),
        (TimeoutError(), Unavailable),
        (errors.MessageSizeTooLargeError(), CallerError),
        (errors.InvalidTopicError(), CallerError),
        (errors.UnknownTopicOrPartitionError(), CallerError),
        (errors.TopicAuthorizationFailedError("t"), ConfigError),
        (errors.SaslAuthenticationFailed(), ConfigError),
        (errors.InvalidSessionTimeoutError(), ConfigError),
        (errors.UnsupportedCodecError("zstd"), ConfigError),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Exception) else "",
)
def test_each_error_says_who_is_at_fault(error: Exception, ours: type[Exception]) -> None:
    """What may pass is Unavailable, what can never be taken is the caller's, what is not allowed is the settings'."""
    with pytest.raises(ours, match=r"appending: .*host:1") as raised, kafka_faults("host:1", "appending"):
        raise error

    assert type(raised.value) is ours
