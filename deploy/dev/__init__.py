"""What ``./dev`` does: make a developer's environment from the lock files, then hand over to the command asked for.

Standard library only, for it runs before anything is installed, under whatever Python from 3.11 on the machine has.

    dev (shell: finds a Python) → commands → debian (system packages) → environment (.venv) → the command itself
"""
