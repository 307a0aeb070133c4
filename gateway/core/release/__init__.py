"""Release: figures and waiting records, packed into one bundle, sealed in the recipient's form, logged, and voided if need be."""
