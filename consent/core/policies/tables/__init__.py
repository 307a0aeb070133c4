"""The tables of `city.toml`, each read into the record that it describes and checked against what it refers to."""
