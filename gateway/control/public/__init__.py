"""The methods of the citizens' door: what anyone may know, from the numbers of the last full hour, and never a person."""
