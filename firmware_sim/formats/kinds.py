"""The kinds of device that speak a real make's format: what each measures, how it writes it, and whether it shares its topic.

A scenario's ``kind`` is a name of ``KINDS`` here, or one of ``devices.MODELS``, which write formats of this project's own.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from firmware_sim.devices import Climate, DustSensor, Plug, WaterMeter
from firmware_sim.formats import hubs, lorawan, packed, shelly, tasmota
from firmware_sim.formats.message import Encode


class Kind(NamedTuple):
    """A make of device.

    Args:
        model: What it measures.
        encode: How it writes that.
        shares_topic: Several devices publish on one topic, told apart by what stands in the message.
    """

    model: type[Climate | DustSensor | Plug | WaterMeter]
    encode: Encode
    shares_topic: bool = False


KINDS: Mapping[str, Kind] = {
    "shelly-gen1-em": Kind(Plug, shelly.gen1_meter),
    "shelly-plus-1pm": Kind(Plug, shelly.plus_1pm),
    "tasmota-energy": Kind(Plug, tasmota.energy),
    "tasmota-energy-3p": Kind(Plug, tasmota.energy_of_three_phases),
    "tasmota-sensor": Kind(Climate, tasmota.climate),
    "milesight-em300-th-chirpstack-4": Kind(Climate, lorawan.chirpstack_4),
    "milesight-em300-th-chirpstack-3": Kind(Climate, lorawan.chirpstack_3),
    "dragino-lht65-things-stack-3": Kind(Climate, lorawan.things_stack_3),
    "zigbee2mqtt-climate": Kind(Climate, hubs.zigbee_climate),
    "zigbee2mqtt-plug": Kind(Plug, hubs.zigbee_plug),
    "zigbee2mqtt-air": Kind(DustSensor, hubs.zigbee_air),
    "rtl433-events": Kind(Climate, hubs.rtl_433_event, shares_topic=True),
    "wmbusmeters-water": Kind(WaterMeter, hubs.wmbus_water),
    "airrohr": Kind(DustSensor, packed.airrohr),
    "esphome-sensor": Kind(Climate, packed.esphome),
    "senml-cbor": Kind(Climate, packed.senml_cbor),
    "ultralight": Kind(Climate, packed.ultralight),
    "line-protocol": Kind(Climate, packed.line_protocol),
}
