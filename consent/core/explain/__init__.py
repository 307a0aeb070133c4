"""Explanations: a decision in sentences, in the city's languages, with what it rests on."""
