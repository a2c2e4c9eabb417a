"""The screens: the explorer itself, its rooms, and its help."""
