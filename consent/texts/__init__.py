"""The sentences for citizens, a TOML file for each language: explanations, notifications, rights and the words of an audit.

Whoever translates needs no Python. Whoever adds a language adds a file here and its tag to ``consent.core.languages``.
"""
