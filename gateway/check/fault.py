"""A fault as `sluice check` tells it: which file, which key in it, and what is wrong, in one line.

Faults of policies come as ``PolicyError``, those of a configuration as ``ConfigFileError``; here both become one record, for the
reports of ``gateway.commands.check_report``.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

from consent.errors import PolicyError
from gateway.config import ConfigFileError
from gateway.errors import OperatorError


@dataclass(frozen=True, slots=True)
class Fault:
    """Something that cannot be used.

    Attributes:
        file: A policy file relative to its folder, or the configuration by its name.
        key: Dotted path of the key at fault; empty where it is the whole file.
        message: What is wrong and what to do, in one line.
    """

    file: str
    key: str
    message: str

    def __str__(self) -> str:
        """Return the fault as a line."""
        where = f"`{self.file}`: `{self.key}`" if self.key else f"`{self.file}`"
        return f"{where}: {self.message}"

    @classmethod
    def at(cls, file: str, key: str, message: str) -> Self:
        """Return a fault whose parts are made to fit a line, as those of a policy are."""
        return cls.of_policies(PolicyError(file, key, message))

    @classmethod
    def of_policies(cls, error: PolicyError) -> Self:
        """Return the fault that an error of the policies names."""
        return cls(error.file, error.key, error.message)

    @classmethod
    def of_configuration(cls, error: OperatorError, file: str) -> Self:
        """Return the fault that an error of a configuration names; where it names none, it is the whole file's."""
        if isinstance(error, ConfigFileError):
            return cls(error.file, error.key, error.message)
        return cls.at(file, "", str(error))
