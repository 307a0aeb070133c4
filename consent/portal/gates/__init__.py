"""The portal's side of the gateway's doors: what pages ask of the public's matters (`public`) and of a household's (`citizen`)."""
