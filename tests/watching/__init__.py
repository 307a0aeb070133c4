"""A gateway that is watched: health, the service manager, figures, alerts."""
