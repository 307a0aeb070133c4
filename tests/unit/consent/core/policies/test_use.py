"""`[use]`: a set holds the profiles that its city names, each once, and a name that is nobody's is told with those near it."""

from __future__ import annotations

import pytest

from consent.core.policies.parse import parse_policies
from consent.core.policies.use import no_such_profile, used_devices
from consent.errors import PolicyError
from tests.support.consent_samples import small_city


def city(use: str, *others: str) -> dict[str, bytes]:
    """Return the small city's files with a line of `[use]`, and copies of its meter under other names."""
    files = small_city()
    files["city.toml"] += f"\n[use]\n{use}\n".encode()
    return files | {f"devices/{name}.toml": files["devices/meter.toml"] for name in others}


def test_set_that_holds_what_its_city_names_is_read() -> None:
    """In whatever order; a city that names none has none."""
    assert set(parse_policies(city('devices = ["heat", "meter"]', "heat")).profiles) == {"heat", "meter"}
    files = city("devices = []")
    del files["devices/meter.toml"]
    assert not parse_policies(files).profiles


@pytest.mark.parametrize(
    ("use", "message"),
    [
        (
            'devices = ["meter", "mter"]',
            "`use.devices`: there is no device profile `mter`, in `devices/` or shipped; near it: `meter`",
        ),
        ('devices = ["meter", "x"]', "`use.devices`: there is no device profile `x`, in `devices/` or shipped"),
        ('devices = ["meter", "meter"]', "`use.devices`: names `meter` twice"),
        ('devices = ["../meter"]', "`use.devices`: `../meter` is no name of lower-case letters, digits and single hyphens"),
        ('device = ["meter"]', "`use.device`: is not a known key; did you mean `devices`?"),
        ("devices = [1]", "`use.devices[0]`: should be text, not a whole number"),
    ],
)
def test_city_that_names_what_is_not_there_is_refused_in_one_line(use: str, message: str) -> None:
    """A wrong name, no name, or a name of the wrong kind."""
    with pytest.raises(PolicyError) as caught:
        parse_policies(city(use))
    assert str(caught.value) == f"`city.toml`: {message}"


def test_set_with_a_profile_that_its_city_does_not_name_is_refused() -> None:
    """Whoever put it together: a folder, a caller of the control socket, a log."""
    said = r"^`devices/heat.toml`: is not in force: `use.devices` of `city.toml` does not name it$"
    with pytest.raises(PolicyError, match=said):
        parse_policies(city('devices = ["meter"]', "heat"))


def test_names_near_the_wrong_one_are_three_at_the_most() -> None:
    """And the nearest of them."""
    error = no_such_profile(
        "shelly-plus-1pn", ["shelly-plus-1pm", "shelly-gen1-plug", "shelly-plus-1", "shelly-plus-2pm", "meter"]
    )
    assert str(error).endswith("near it: `shelly-plus-1pm`, `shelly-plus-1`, `shelly-plus-2pm`")


def test_city_that_cannot_be_read_names_none_and_its_fault_is_told_where_it_is_parsed() -> None:
    """What lies in the folder is then read, as where nothing is said."""
    assert used_devices(b"[use]\ndevices = [1]\n") is None
    assert used_devices(b"[use\n") is None
    assert used_devices(b"[city]\n") is None
    assert used_devices(b'use = { devices = ["a", "b"] }\n') == ("a", "b")
