"""What is drawn: each widget is told what to show, and says what was clicked."""
