"""Token Explorer: see how a language model writes, by being its sampler."""

__version__ = "0.1.0"
