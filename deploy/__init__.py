"""What puts Sluice on a machine: an operator's (service unit, example configuration) or a developer's (``deploy.dev``).

None of this is in the installed package, and nothing in the package imports it.
"""
