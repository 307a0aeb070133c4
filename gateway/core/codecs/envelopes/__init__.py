"""What networks and platforms put around the values of a device, one format a file; fields stand in the decoded object."""
