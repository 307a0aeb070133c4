"""QR codes of signs: what they hold, how much of them may be damaged, and that no style stands in them."""

from __future__ import annotations

import re

import segno
from hypothesis import given
from hypothesis import strategies as st

from consent.portal.sensors.qr_code import Redundancy, qr_code, short_address, sign_address

HERE = "https://sensors.ribera.example"
QUIET = 4


def drawn(svg: str) -> list[list[int]]:
    """Return the modules that a code draws, without the quiet zone, which has to be empty."""
    size = int(re.search(r'viewBox="0 0 (\d+) ', svg)[1])  # type: ignore[index]
    modules = [[0] * size for _ in range(size)]
    for x, y, n, back in re.findall(r"M(\d+) (\d+)h(\d+)v1h-(\d+)z", svg):
        assert n == back
        modules[int(y)][int(x) : int(x) + int(n)] = [1] * int(n)
    inner = range(QUIET, size - QUIET)
    assert sum(map(sum, modules)) == sum(modules[y][x] for y in inner for x in inner)
    return [[modules[y][x] for x in inner] for y in inner]


def test_short_address_is_a_code_of_version_three_at_level_q() -> None:
    """So that its squares are large enough on a sign, and a quarter of them may be lost."""
    address = sign_address(HERE, "NQ3")
    assert address == "HTTPS://SENSORS.RIBERA.EXAMPLE/S/NQ3"
    expected = segno.make_qr(address, error="q", version=3, boost_error=False)
    assert expected.designator == "3-Q"
    assert drawn(qr_code(address, "Sign")) == [list(row) for row in expected.matrix]


def test_portal_below_a_path_keeps_its_letters() -> None:
    """Paths know capitals from small letters."""
    assert sign_address(f"{HERE}/Portal/", "NQ3") == f"{HERE}/Portal/s/NQ3"
    assert sign_address(f"{HERE}/", "NQ3") == "HTTPS://SENSORS.RIBERA.EXAMPLE/S/NQ3"
    assert short_address(f"{HERE}/", "NQ3") == "sensors.ribera.example/s/NQ3"


def test_code_has_a_name_and_no_style() -> None:
    """The Content-Security-Policy lets none through; what it is, is told in words."""
    svg = qr_code("x", 'A "sign" <b>')
    assert "style" not in svg
    assert 'aria-label="A &#34;sign&#34; &lt;b&gt;"' in svg


@given(st.from_regex(r"https://[a-z]{1,20}(\.[a-z]{2,20}){1,8}(:[0-9]{1,5})?(/[a-z]{1,20}){0,3}", fullmatch=True))
def test_any_address_fits_a_code(address: str) -> None:
    """However long: the code grows, and is never smaller than version 3."""
    rows = drawn(qr_code(sign_address(address, "ABCDEF123456"), "Sign"))
    assert len(rows) >= 29
    assert all(len(row) == len(rows) for row in rows)


def test_a_proof_of_twelve_hundred_bytes_is_a_dense_code_that_still_fits_a_sheet() -> None:
    """Version 25 at level L: 117 squares, half a millimetre each on 60 mm."""
    proof = "c2sp.org/tlog-proof@v1\n" + "x" * 1177
    expected = segno.make_qr(proof, error="l", boost_error=False)
    assert expected.designator == "25-L"
    assert drawn(qr_code(proof, "Proof", Redundancy.DENSE)) == [list(row) for row in expected.matrix]
