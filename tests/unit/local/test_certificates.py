"""Certificates for development: made once, kept for ever, readable by their owner."""

from __future__ import annotations

from pathlib import Path

import pytest
from cryptography import x509

from dojopool.errors import ConfigError
from dojopool.local.certificates import make_certificates


def test_members_are_signed_and_named(tmp_path: Path) -> None:
    """A member's certificate is signed by the folder's authority and names the member, and only members."""
    authority, member = make_certificates(tmp_path / "new" / "folder", ["n1"])
    signed = x509.load_pem_x509_certificate(member.certificate.read_bytes())
    signed.verify_directly_issued_by(x509.load_pem_x509_certificate(authority.certificate.read_bytes()))
    names = signed.extensions.get_extension_for_class(x509.SubjectAlternativeName).value

    assert [name.value for name in names] == ["dojo:member/n1"]


def test_keys_are_private(tmp_path: Path) -> None:
    """Nobody else on the machine can read a key."""
    made = make_certificates(tmp_path, ["n1"])

    assert [oct(one.key.stat().st_mode & 0o777) for one in made] == ["0o600", "0o600"]


def test_nothing_is_overwritten(tmp_path: Path) -> None:
    """Made again, what is there stays as it is, and a member can be added to it."""
    first = make_certificates(tmp_path, ["n1"])
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    again = make_certificates(tmp_path, ["n1", "n2", "n2"])

    assert [one.is_new for one in first] == [True, True]
    assert [(one.name, one.is_new) for one in again] == [("ca", False), ("n1", False), ("n2", True)]
    assert {name: (tmp_path / name).read_bytes() for name in before} == before


def test_half_a_pair(tmp_path: Path) -> None:
    """A certificate without its key, or a key alone, is not replaced behind anybody's back."""
    make_certificates(tmp_path, ["n1"])
    (tmp_path / "n1.key").unlink()

    with pytest.raises(ConfigError, match=r"n1\.pem is there and .*n1\.key is not"):
        make_certificates(tmp_path, ["n1"])


@pytest.mark.parametrize("name", ["", "ca", "../n1", "a/b", ".n1", "n" * 64, "n 1", "ü"])
def test_names_that_cannot_be(tmp_path: Path, name: str) -> None:
    """A name is a file and stands in a certificate, so it is a plain one."""
    with pytest.raises(ConfigError, match="cannot name a member's certificate"):
        make_certificates(tmp_path / "new", [name])
    assert not (tmp_path / "new").exists()


@pytest.mark.parametrize("name", ["ca.key", "ca.pem"])
def test_a_damaged_authority(tmp_path: Path, name: str) -> None:
    """An authority that cannot be read is an error that names the folder."""
    make_certificates(tmp_path, ["n1"])
    (tmp_path / name).write_text("damaged")

    with pytest.raises(ConfigError, match=str(tmp_path)):
        make_certificates(tmp_path, ["n2"])


def test_a_folder_that_is_a_file(tmp_path: Path) -> None:
    """What cannot be written is said, with where."""
    (tmp_path / "taken").touch()

    with pytest.raises(ConfigError, match="taken"):
        make_certificates(tmp_path / "taken", ["n1"])
