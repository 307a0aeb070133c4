"""Device profiles: how devices of one make write their messages, and the most that they may reveal."""
