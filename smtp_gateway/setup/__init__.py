"""What mail programs, senders and the DNS are told of this instance; every form says the same values."""
