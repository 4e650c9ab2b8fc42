"""What the short commands do and print, for people and as JSON."""
