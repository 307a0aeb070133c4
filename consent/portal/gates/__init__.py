"""The portal's side of the gateway's doors: what pages ask of public matters (`public`) and of a household's (`citizen`)."""
