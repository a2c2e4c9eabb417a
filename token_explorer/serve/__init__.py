"""The explorer in a browser: who may come in, what each tab runs, and the page that shows it."""
