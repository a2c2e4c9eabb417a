"""GPTs small enough for pencil and paper: their data, their words, how they are trained and kept."""
