"""What the commands say of a model: their numbers, as JSON documents, as text, as pages and as plots."""

import logging

# Before it is imported, as it complains then already: its caches are no concern of whoever wants a plot.
logging.getLogger("matplotlib").setLevel(logging.CRITICAL)
