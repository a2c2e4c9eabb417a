"""The screens: the explorer itself and its help."""
