"""Reviews of policies: what is odd in one version, and what a change from one to the next means for whom."""
