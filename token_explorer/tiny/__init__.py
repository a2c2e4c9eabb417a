"""A GPT small enough for pencil and paper: its data, its words, its training. Of torch it knows."""
