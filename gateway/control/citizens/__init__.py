"""The control methods of the citizens' door: coming in (`claims`, `sessions`), credentials, answers, previews, own readings."""
