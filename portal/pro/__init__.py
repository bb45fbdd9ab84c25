"""What a professional can do in her web space, as functions that return values."""
