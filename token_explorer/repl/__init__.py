"""The REPL: the commands on one loaded model, line by line."""
