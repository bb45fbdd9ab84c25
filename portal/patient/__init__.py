"""What a patient can do, as plain functions that return values; the pages and the API both call them."""
