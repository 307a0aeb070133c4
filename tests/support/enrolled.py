"""A household in a gateway's memory whose residents have passkeys and paper codes, as its log tells of them.

It writes the log's entries itself, so that a test may plant any that no gateway would write.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from hashlib import sha256

from consent.core.consents.records import PASSKEY, Consent, signing_bytes
from consent.core.passkeys.acts import act_challenge
from consent.core.passkeys.assertion import SignedChallenge
from consent.core.passkeys.codes import paper_code, paper_sha256
from consent.core.passkeys.proof import Proof
from gateway.audit.log.entries import Kind
from gateway.audit.log.payloads import CredentialsEndedPayload, EnrolmentPayload, KeyPayload, Payload
from gateway.core.plans import Device
from tests.support.gate import Gate
from tests.support.virtual_passkey import VirtualPasskey

SITE = "sensors.ribera.example"
ADDRESS = f"https://{SITE}"
CODE_HASH = b"hash of one code"


def new_passkey(address: str = ADDRESS, site: str = SITE) -> VirtualPasskey:
    """Return a passkey of the portal."""
    return VirtualPasskey(address, site)


def key_sha256(passkey: VirtualPasskey) -> bytes:
    """Return by what the log names a passkey."""
    return sha256(passkey.public_key).digest()


def proof_by(passkey: VirtualPasskey, challenge: bytes) -> Proof:
    """Return a passkey's answer to a challenge as a proof."""
    return Proof(passkey.public_key, passkey.origin, SignedChallenge(*passkey.get(challenge)))


def signed_by(passkey: VirtualPasskey, record: Consent) -> Consent:
    """Return a record over the channel of passkeys, signed by one."""
    said = replace(record, channel=PASSKEY)
    return said.signed(proof_by(passkey, sha256(signing_bytes(said)).digest()).encode())


@dataclass
class EnrolledHome:
    """One household.

    Attributes:
        residents: Of the household; ``join`` adds to them.
        how_many: Entries that were written.
    """

    gate: Gate
    device: Device
    residents: list[bytes] = field(default_factory=list)
    papers: int = 0

    def __post_init__(self) -> None:
        """Begin with whoever the registry knows."""
        assert self.device.subject is not None
        self.residents = list(self.gate.state.registry.book.residents(self.device.subject))

    @property
    def subject(self) -> bytes:
        """The household's id."""
        assert self.device.subject is not None
        return self.device.subject

    def log(self, payload: Payload) -> int:
        """Log a payload of the kind `key`; return the log index."""
        index = self.gate.state.log.append_entry(Kind.KEY, self.gate.now_ms, self.gate.state.log.one_part(payload.encode()))
        self.gate.commit()
        return index

    def enrol(
        self,
        how: str,
        passkey: VirtualPasskey | None = None,
        *,
        resident: int = 0,
        paper: str = "",
        proof: bytes = b"",
        site: str | None = None,
    ) -> int:
        """Log that a passkey, a paper code, or both came to be; return the log index."""
        named = (SITE if passkey else "") if site is None else site
        return self.log(
            EnrolmentPayload(
                self.subject,
                self.residents[resident],
                how,  # type: ignore[arg-type]  # any word may be planted
                key_sha256(passkey) if passkey else b"",
                named,
                paper_sha256(paper) if paper else b"",
                proof,
            )
        )

    def add(self, passkey: VirtualPasskey, by: VirtualPasskey, resident: int = 0) -> int:
        """Log a further passkey of a resident, proved by an earlier one."""
        challenge = act_challenge("passkey.add", self.subject, self.residents[resident], key_sha256(passkey))
        return self.enrol("passkey", passkey, resident=resident, proof=proof_by(by, challenge).encode())

    def join(self) -> int:
        """Log that one more person is in the household; return their number."""
        self.residents.append(sha256(bytes([len(self.residents)])).digest()[:16])
        self.declare()
        return len(self.residents) - 1

    def declare(self) -> int:
        """Log who the residents are, and let the gateway know them."""
        self.gate.state.registry.book.change_residents(self.subject, self.residents, self.gate.now_ms)
        return self.log(KeyPayload(self.subject, tuple(self.residents)))

    def invitation(self, by: VirtualPasskey, inviting: int = 0, nonce: bytes = CODE_HASH) -> bytes:
        """Return the proof of an invitation by a resident."""
        challenge = act_challenge("subject.invite", self.subject, self.residents[inviting], nonce)
        return nonce + proof_by(by, challenge).encode()

    def end(self, *passkeys: VirtualPasskey, resident: int = 0, paper: bool = False, by: str = "resident") -> int:
        """Log that credentials ended."""
        keys = tuple(key_sha256(passkey) for passkey in passkeys)
        return self.log(CredentialsEndedPayload(self.subject, self.residents[resident], keys, paper, by))  # type: ignore[arg-type]

    def new_paper(self) -> str:
        """Return a paper code that was not there before."""
        self.papers += 1
        return paper_code(self.papers.to_bytes(10))
