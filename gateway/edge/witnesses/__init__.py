"""The witnesses of this gateway's log: asking each for its cosignature, until their policy is met."""
