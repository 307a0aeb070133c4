"""The three gateways that a scenario is driven through: ours, one that lets everything pass, and one that counts to k."""
