"""The gateway: sensors' messages come in, and what policies and citizens permit goes out, each release in a log first.

``core`` decides, ``edge`` touches the world, ``app`` joins the two; ``audit`` and ``recipient`` also run alone, far from any
gateway.
"""
