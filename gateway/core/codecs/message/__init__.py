"""Where a device profile's values stand in a parsed message: paths, and JMESPath expressions, compiled into functions."""
