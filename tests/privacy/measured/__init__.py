"""How well attacks do on what recipients receive: a city driven through three gateways, attacks on recorded lines, targets.

``./dev privacy`` runs all of it; ``docs/measuring.md`` says how to read it. Attacks read ``recording.Recording`` alone, which is
files.
"""
