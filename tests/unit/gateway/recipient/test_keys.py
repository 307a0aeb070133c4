"""A recipient's key files: made once, read with care."""

from __future__ import annotations

import base64
import os
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from gateway.recipient.keys import (
    RecipientKeyError,
    fingerprint,
    format_private,
    format_public,
    generate,
    load_fingerprint,
    load_private,
    load_public,
    parse_public,
)
from tests.support.recipients import PRIVATE_KEY


@pytest.mark.parametrize(
    ("target", "private", "public"),
    [
        (".", "recipient.key", "recipient.pub"),
        ("city", "city.key", "city.pub"),
        ("city.key", "city.key", "city.pub"),
        ("city.office", "city.office.key", "city.office.pub"),
    ],
)
def test_generate_pair_loaded_belongs_together(tmp_path: Path, target: str, private: str, public: str) -> None:
    """A folder or a name gives two files, the private one for its owner alone."""
    pair = generate(tmp_path / target)
    assert (pair.private_path, pair.public_path) == (tmp_path / private, tmp_path / public)
    public_key = load_private(pair.private_path).public_key()
    assert public_key.public_bytes_raw() == load_public(pair.public_path).public_bytes_raw()
    assert pair.fingerprint == fingerprint(public_key)
    assert pair.private_path.stat().st_mode & 0o777 == 0o600
    assert pair.public_path.stat().st_mode & 0o777 == 0o644
    assert len(list(tmp_path.iterdir())) == 2


@pytest.mark.parametrize("name", ["recipient.key", "recipient.pub"])
def test_generate_existing_file_never_overwritten(tmp_path: Path, name: str) -> None:
    """Where either half is there, nothing is written."""
    (tmp_path / name).write_text("precious")
    with pytest.raises(RecipientKeyError, match=rf"`.*{name}`: exists already"):
        generate(tmp_path)
    assert [path.read_text() for path in tmp_path.iterdir()] == ["precious"]


def test_parse_public_with_another_keys_comment_is_refused() -> None:
    """The line was replaced, and the comment kept: whoever compares by the comment compares nothing. None need be there."""
    own, other = format_public(PRIVATE_KEY.public_key()), format_public(X25519PrivateKey.generate().public_key())
    parse_public(own, "here")
    mixed = "\n".join([*own.splitlines()[:-1], other.splitlines()[-1]])
    with pytest.raises(
        RecipientKeyError, match=r"^`here`: a comment gives the fingerprint `[0-9a-f ]{39}`, and that of the key is "
    ):
        parse_public(mixed, "here")
    by_hand = f"#FINGERPRINT of it: {fingerprint(PRIVATE_KEY.public_key()).upper().replace(' ', '')}\n{own.splitlines()[-1]}"
    parse_public(by_hand, "here")
    parse_public(own.splitlines()[-1], "here")


@pytest.mark.parametrize("odd", ["fifo", "device", "folder", "large", "loop"])
def test_load_public_of_what_is_no_small_file_is_refused_at_once(odd: str, tmp_path: Path) -> None:
    """A pipe would keep its reader waiting, a device never ends."""
    path = tmp_path / "odd.pub"
    match odd:
        case "fifo":
            os.mkfifo(path)
        case "device":
            path.symlink_to("/dev/zero")
        case "folder":
            path.mkdir()
        case "loop":
            path.symlink_to(path.name)
        case _:
            path.write_bytes(b"#" * 70_000)
    with pytest.raises(RecipientKeyError, match=r"no regular file|longer than 65536 bytes|is a directory|too many levels"):
        load_public(path)


@pytest.fixture
def policies(tmp_path: Path) -> Path:
    """A policies folder, as far as its mark goes."""
    folder = tmp_path / "policies"
    (folder / "keys").mkdir(parents=True)
    (folder / "city.toml").write_text("")
    return folder


@pytest.mark.parametrize(
    "target", ["policies", "policies/keys", "policies/keys/city", "keys/city", "linked", "keys/../keys/city"]
)
def test_generate_private_key_in_a_policies_folder_refused(tmp_path: Path, policies: Path, target: str) -> None:
    """Policies are published: the key stays out, by whatever path, and the line to type instead is in the message."""
    (tmp_path / "keys").symlink_to(policies / "keys")
    (tmp_path / "linked").symlink_to(policies)
    before = sorted(policies.rglob("*"))
    with pytest.raises(
        RecipientKeyError, match=r"lies in the policies folder .*`sluice recipient keygen ~/\w+ --public "
    ) as refused:
        generate(tmp_path / target)
    assert "\n" not in str(refused.value)
    assert sorted(policies.rglob("*")) == before


def test_generate_where_a_policies_folder_links_to_refused(tmp_path: Path, policies: Path) -> None:
    """What a link in the policies leads to is read, packed and published with them."""
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (policies / "more").symlink_to(elsewhere)
    with pytest.raises(RecipientKeyError, match="lies in the policies folder"):
        generate(policies / "more" / "city")
    assert list(elsewhere.iterdir()) == []


@pytest.mark.parametrize("public", ["policies/keys", "policies/keys/city.pub"])
def test_generate_public_half_goes_into_the_policies(tmp_path: Path, policies: Path, public: str) -> None:
    """In one step: the private half where its owner keeps it, the public one where the city reads it."""
    pair = generate(tmp_path / "city", tmp_path / public)
    assert (pair.private_path, pair.public_path) == (tmp_path / "city.key", policies / "keys" / "city.pub")
    assert load_fingerprint(pair.private_path) == load_fingerprint(pair.public_path)
    assert not (tmp_path / "city.pub").exists()


def test_generate_public_half_into_new_policies_makes_their_folder_of_keys(tmp_path: Path, policies: Path) -> None:
    """As a city copies them there is none yet, and the line that a refusal prints names one."""
    (policies / "keys").rmdir()
    assert generate(tmp_path / "city", policies / "keys" / "city.pub").public_path.exists()


def test_generate_beside_a_policies_folder_is_allowed(tmp_path: Path, policies: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Only what lies in it is refused, also where it is typed from within."""
    monkeypatch.chdir(policies)
    assert generate(Path("..") / "city").private_path.exists()


def test_generate_public_half_into_an_absent_folder_makes_neither(tmp_path: Path) -> None:
    """No private key is left behind whose other half could not be written."""
    with pytest.raises(RecipientKeyError, match=r"city\.pub`: cannot be written: there is no folder `.*/absent`$"):
        generate(tmp_path / "city", tmp_path / "absent" / "keys" / "city.pub")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("mode", [0o644, 0o600])
def test_load_private_of_a_public_key_names_the_other_half_and_no_chmod(tmp_path: Path, mode: int) -> None:
    """Its mode is right for what it is; another mode would not make a private key of it."""
    pair = generate(tmp_path / "city")
    pair.public_path.chmod(mode)
    with pytest.raises(RecipientKeyError) as refused:
        load_private(pair.public_path)
    assert f"the public one; give the private one, `{pair.private_path}`" in str(refused.value)
    assert "chmod" not in str(refused.value)


def test_generate_absent_folder_told_in_one_line(tmp_path: Path) -> None:
    """A folder that is not there is the user's to make."""
    with pytest.raises(RecipientKeyError, match=r"no such file or directory$"):
        generate(tmp_path / "absent" / "city")


@pytest.mark.parametrize("mode", [0o644, 0o640, 0o604])
def test_load_private_readable_by_others_refused(tmp_path: Path, mode: int) -> None:
    """A private key that others may read is no longer one; the message names file and mode."""
    path = generate(tmp_path).private_path
    path.chmod(mode)
    with pytest.raises(RecipientKeyError, match=rf"recipient\.key`: mode `0{mode:o}`"):
        load_private(path)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "holds no line"),
        ("# only a comment\n", "holds no line"),
        (format_public(PRIVATE_KEY.public_key()), "the other half"),
        ("sluice-recipient-private:x25519:!!\n", "not base64"),
        (f"sluice-recipient-private:x25519:{base64.b64encode(bytes(31)).decode()}\n", "has `31` bytes"),
        (format_private(PRIVATE_KEY) * 2, "holds more than a key"),
    ],
)
def test_load_private_other_content_refused(tmp_path: Path, text: str, message: str) -> None:
    """Each way in which a file is not a private key is told in a line that repeats none of it."""
    path = tmp_path / "k"
    path.write_text(text)
    path.chmod(0o600)
    with pytest.raises(RecipientKeyError, match=message) as caught:
        load_private(path)
    assert "\n" not in str(caught.value)
    assert str(path) in str(caught.value)


def test_load_public_absent_or_private_refused(tmp_path: Path) -> None:
    """A missing public file, and a private key given in its place, are told apart."""
    with pytest.raises(RecipientKeyError, match="cannot be read: no such file"):
        load_public(tmp_path / "absent.pub")
    with pytest.raises(RecipientKeyError, match="`here`: holds the other half"):
        parse_public(format_private(PRIVATE_KEY), "here")
    with pytest.raises(RecipientKeyError, match=r"holds the private half .* let its recipient make a new pair$"):
        parse_public(format_private(PRIVATE_KEY), "policies/keys/here.pub")


@pytest.mark.parametrize("weak", [bytes(32), b"\x01" + bytes(31)])
def test_parse_public_weak_key_refused(weak: bytes) -> None:
    """With a key of small order everyone would know the secret."""
    text = f"sluice-recipient-public:x25519:{base64.b64encode(weak).decode()}\n"
    with pytest.raises(RecipientKeyError, match="weak"):
        parse_public(text, "here")


@pytest.mark.parametrize("added", ["trailing text\n", format_public(X25519PrivateKey.generate().public_key()), "\x0bkey\n"])
def test_parse_public_with_anything_beside_the_key_is_refused(added: str) -> None:
    """Which of two keys would be used is nobody's guess: neither."""
    text = format_public(PRIVATE_KEY.public_key())
    for both in (text + added, added + text):
        with pytest.raises(RecipientKeyError, match=r"holds more than a key|a comment gives the fingerprint"):
            parse_public(both, "city.pub")


def test_parse_public_with_the_line_ends_of_other_systems_is_the_same_key() -> None:
    """A file that was mailed has CRLF."""
    text = format_public(PRIVATE_KEY.public_key())
    for other in (text.replace("\n", "\r\n"), text.rstrip("\n"), f"\n{text}\n"):
        assert fingerprint(parse_public(other, "city.pub")) == fingerprint(PRIVATE_KEY.public_key())
