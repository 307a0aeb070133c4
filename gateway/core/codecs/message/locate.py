"""The places that a device profile names, in either of the two ways in which it can: paths, or JMESPath expressions.

The empty path, levels of the topic, and `^` for the whole message are written alike in both.
"""

from __future__ import annotations

from consent.core.profiles.paths import Root, parse_path
from consent.core.profiles.profile import Profile
from consent.errors import PolicyError
from gateway.core.codecs.message.expression import compile_expression
from gateway.core.codecs.message.place import Place, compile_place, found_once


def compile_path(profile: Profile, text: str, key: str) -> Place:
    """Compile a path of a profile.

    Args:
        key: That declares it, as errors name it.
    Raises:
        PolicyError: It is no path, or no expression.
    """
    try:
        if _is_expression(profile, text):
            place = compile_expression(text.removeprefix("^"), from_whole=text.startswith("^"))
        else:
            place = compile_place(parse_path(text))
        return place if profile.each is None or root_in(profile, text) is Root.MESSAGE else found_once(place)
    except ValueError as error:
        raise PolicyError(f"devices/{profile.id}.toml", key, str(error)) from error


def root_in(profile: Profile, text: str) -> Root:
    """Return where a path of a profile begins."""
    if _is_expression(profile, text):
        return Root.WHOLE if text.startswith("^") else Root.MESSAGE
    return root_of(text)


def root_of(text: str) -> Root:
    """Return where a path that is no expression begins."""
    return parse_path(text).root


def _is_expression(profile: Profile, text: str) -> bool:
    return profile.jmespath and text.strip("^") != "" and not text.startswith("$topic")
