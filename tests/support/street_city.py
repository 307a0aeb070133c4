"""A small city with a sensor of its own in the street, which a public task reads."""

from __future__ import annotations

from tests.support.city import City, city


def street(**ceiling: str) -> City:
    """Return a city with a station in the mill, that a public task reads."""
    return (
        city()
        .ceiling(**ceiling)
        .district("north")
        .zone("mill", "north")
        .measures("LAeq", 20, 140)
        .measures("temperature", -20, 50)
        .purpose("streets", legal_basis="public-task")
        .purpose("energy")
        .recipient("office")
        .flow(
            "noise",
            "LAeq",
            purpose="streets",
            recipient="office",
            identity="per-record",
            time="exact",
            space="block",
            retention=9,
        )
        .device("station", {"LAeq": "level", "temperature": "t2"}, cap={"time": "1h"})
    )
