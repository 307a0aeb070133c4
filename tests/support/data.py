"""The data sets of others that a few tests read as independent witnesses; the project does not carry them.

A test that needs one is marked ``outside_data``: ``pytest -m outside_data`` runs exactly these. What they promise is tested
without them too, on values that the project makes for itself.
"""

from __future__ import annotations

import os
from enum import Enum
from pathlib import Path

import pytest

from tests.support.checkout import ROOT


class DataSet(Enum):
    """A data set: its place in the folder of shared test data, what it is, and where its project publishes it."""

    MERKLE = (
        "vectors/merkle/testdata",
        "the inclusion and consistency probes of transparency-dev/merkle",
        "https://github.com/transparency-dev/merkle (testdata)",
    )
    RFC6962_TREE = (
        "vectors/rfc6962-reference-tree.json",
        "the reference tree of RFC 6962 of transparency-dev/merkle",
        "https://github.com/transparency-dev/merkle (testonly/constants.go)",
    )
    SIGNED_NOTES = (
        "vectors/signed-notes.json",
        "signed notes with their keys, collected from C2SP, Go, Tessera and Sunlight",
        "https://github.com/C2SP/C2SP, golang/mod (sumdb/note), transparency-dev/tessera and FiloSottile/sunlight",
    )
    REKOR = (
        "vectors/rekor-inclusion-real.json",
        "inclusion proofs of the Rekor log from sigstore-python",
        "https://github.com/sigstore/sigstore-python (test/assets)",
    )
    SUNLIGHT = (
        "vectors/sunlight/cmd/skylight/testdata",
        "the tiles and cosigned checkpoints of Sunlight",
        "https://github.com/FiloSottile/sunlight (cmd/skylight/testdata)",
    )
    SENML = (
        "data/payloads/senml",
        "the examples of RFC 8428 with their resolved forms",
        "https://github.com/core-wg/senml-spec",
    )
    FIELD_CASES = (
        "data/field-cases",
        "inputs that people who run sensor gateways have met, each with its source and the readings that are right",
        "written afresh from public bug threads; each file names its own",
    )
    PAYLOADS = (
        "data/payloads",
        "messages printed in the documentation of network servers, meters and conventions",
        "chirpstack/chirpstack-docs, TheThingsIndustries/lorawan-stack-docs, core-wg/senml-spec and others",
    )
    MEASURED = (
        "data/datasets/measured_behaviour.json",
        "what was measured of how sensors behave: loss, repeats, resets, delays",
        "computed from the recordings beside it",
    )
    CHIRPSTACK_4 = (
        "data/payloads/chirpstack4.jsonl",
        "the events of ChirpStack's documentation",
        "https://github.com/chirpstack/chirpstack-docs",
    )
    THINGS_STACK_3 = (
        "data/payloads/thethingsstack3.jsonl",
        "the messages of The Things Stack's documentation",
        "https://github.com/TheThingsIndustries/lorawan-stack-docs",
    )
    WYRES = (
        "data/datasets/lorawan_chirpstack3_wyres32.ndjson.gz",
        "three months of one node behind ChirpStack 3, of CampusIoT",
        "https://github.com/CampusIoT/datasets",
    )
    HOUSEHOLDS = (
        "data/datasets/smartmeter_sgsc_10households_4weeks.csv",
        "four weeks of ten households of the Smart Grid, Smart City trial",
        "https://github.com/Sayani07/gravitas (data/smart_meter10.RData; 1 to 28 June 2013 as CSV)",
    )

    def __init__(self, place: str, what: str, source: str) -> None:
        self.place = place
        self.what = what
        self.source = source


def outside_data(*sets: DataSet) -> list[Path]:
    """Return where data sets lie, or skip the test, naming those that are absent and where to get them.

    The folder is named by ``SLUICE_TEST_DATA``; by default it is ``shared`` beside the checkout.
    """
    base = Path(os.environ.get("SLUICE_TEST_DATA", ROOT.parent / "shared"))
    absent = [
        f"{one.what} ({one.source}; expected as {one.place} in the folder that SLUICE_TEST_DATA names)"
        for one in sets
        if not (base / one.place).exists()
    ]
    if absent:
        pytest.skip(f"absent: {', and '.join(absent)}")
    return [base / one.place for one in sets]
