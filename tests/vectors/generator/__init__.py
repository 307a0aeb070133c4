"""The makers of the project's own vectors: second implementations from the specifications, which import nothing of the gateway.

Each module's ``values`` returns what one JSON file beside this folder holds; ``python -m tests.vectors.generator`` writes all.
"""
