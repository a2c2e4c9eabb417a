"""Traces: one run of a model recorded in a folder, its plots, and its replay."""

import logging

# Before it is imported, as it complains then already: its caches are no concern of whoever wants a plot.
logging.getLogger("matplotlib").setLevel(logging.CRITICAL)
