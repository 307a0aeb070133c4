"""The messages of real makes of device, written by encoders of their own: topics, envelopes, and all that comes along.

A format takes a ``Moment``, which is what the device knows as it sends, and returns messages: one, or one for each value, and
now and then those that carry no reading. ``kinds`` lists them; ``stations`` sends what they make.
"""
