"""The nouns: tokens, scores, branches, readings. Pure Python and numpy; no terminal, no model."""
