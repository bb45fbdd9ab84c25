"""Files that a patient adds to a message: told apart by content, images cleaned in a child process."""
