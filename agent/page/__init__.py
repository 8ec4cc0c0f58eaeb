"""The web page without its widgets: what it shows, and what a click does."""
