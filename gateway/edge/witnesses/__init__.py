"""The witnesses of this gateway's log: each is asked for its cosignature, until their policy is met."""
