"""The pages by which a person comes in: with the code of a letter, a passkey, or a code on paper."""
