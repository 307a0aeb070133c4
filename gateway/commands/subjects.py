"""`sluice subject`: residents, claim codes and messages."""

from __future__ import annotations

from consent.messages import CodeFor, CodeUsed, ResidentOf, SubjectIn
from gateway.commands.parser import Parser, Verbs, group, method, with_language


def add_verbs(verbs: Verbs[Parser]) -> None:
    """Add the verbs and their options."""
    noun = group(verbs, "subject", "households: residents, claim codes, messages")
    show = method(noun, "subject.show", "show residents, devices and messages", SubjectIn)
    with_language(show, "language of the messages")
    code = method(noun, "subject.code", "make a claim code, printed once", CodeFor)
    code.add_argument(
        "--resident", metavar="ID", help="for a resident who lost code and passkey: what they had ends (default: somebody new)"
    )
    for verb in (show, code):
        verb.add_argument("subject", metavar="SUBJECT", help="the subject's id")
    claim = method(noun, "subject.claim", "use a claim code", CodeUsed)
    claim.add_argument("code", metavar="CODE", help="as the crew left it")
    claim.add_argument("--subject", metavar="ID", help="bring the code's device into this household")
    leave = method(noun, "subject.leave", "let a resident go", ResidentOf)
    leave.add_argument("subject", metavar="SUBJECT", help="the subject's id")
    leave.add_argument("resident", metavar="RESIDENT", help="the resident's id")
