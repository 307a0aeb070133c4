"""Changes of the rules for citizens: what ``consent.core.review`` finds between two sets of policies, in sentences of our own."""
