"""How a household is asked about one use of data: what to know before, what each answer would tell, and how it is saved."""
