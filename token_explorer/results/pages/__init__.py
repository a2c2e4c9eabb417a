"""The parts of pages, as files: markup, style and script; put together in token_explorer.results.page."""
