"""Who is there: passwords, one-time codes, and the brake on guessing."""
