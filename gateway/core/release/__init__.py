"""Release: packs figures and waiting records into one bundle, seals it in the recipient's form, logs it, voids it if need be."""
