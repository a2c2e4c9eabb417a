"""The explorer's screen: the only room where Textual lives."""
