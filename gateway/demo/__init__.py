"""`sluice demo`: broker, simulated city, gateway and a city that listens, all on this machine, ending with a verified audit.

``city`` makes the small city on disk, ``gateway_process`` keeps a real gateway running as a child, ``listener`` is the city that
gets bundles, ``stage`` plays it all and ``screen`` shows it; ``command`` is the verb.
"""

from gateway.demo.command import add_arguments, run

__all__ = ["add_arguments", "run"]
