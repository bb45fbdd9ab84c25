"""Pictures of hostile files: cleaned, converted, reduced to thumbnails, each in a confined child process."""
