"""Reviews of policies: what is suspicious in one version, and whom a change from one to the next affects and how."""
