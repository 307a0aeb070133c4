"""What goes wrong with real sensors, each fault by name, with the truth recorded: what was measured, what was sent, and why.

Every fault is a frozen record of its settings and a pure function of the device's seed and the time, so that the same scenario
always goes wrong in the same way, whenever it is started. ``sensing``, ``telling`` and ``carrying`` hold the faults,
``faults_by_name`` reads them out of a scenario, ``attempt`` is what they act upon and ``truth`` what is recorded.
"""
