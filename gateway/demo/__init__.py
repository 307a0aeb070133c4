"""`sluice demo`: broker, simulated sensors, gateway, portal and recipients, all on this machine, ending with a verified audit.

``city`` makes the small city on disk, ``gateway_process`` keeps a real gateway running as a child process, ``portal_process`` a
portal beside it, ``listener`` receives the bundles, ``stage`` runs it all, ``screen`` shows it, and ``command`` is the command
line.
"""

from gateway.demo.command import add_arguments, run

__all__ = ["add_arguments", "run"]
