"""The places that a device profile names, in either of the two ways in which it can: paths, or JMESPath expressions."""

from __future__ import annotations

from consent.core.profiles.paths import Root, parse_path
from consent.core.profiles.profile import Profile
from consent.errors import PolicyError
from gateway.core.codecs.message.place import Place, compile_place


def compile_path(profile: Profile, text: str, key: str) -> Place:
    """Compile a path of a profile.

    Args:
        key: That declares it, as errors name it.
    Raises:
        PolicyError: It is no path, or no expression.
    """
    try:
        return compile_place(parse_path(text))
    except ValueError as error:
        raise PolicyError(f"devices/{profile.id}.toml", key, str(error)) from error


def root_of(text: str) -> Root:
    """Return where a path of a profile begins."""
    return parse_path(text).root
