"""How long it takes, against a bare transformers loop in the same run. See docs/PERFORMANCE.md."""
