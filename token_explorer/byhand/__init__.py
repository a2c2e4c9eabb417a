"""A GPT-2 by hand: every number of a forward, and of a step of training, with the way it comes about."""
