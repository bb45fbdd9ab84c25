"""The gateway: mail between operators, submission, conversations, acceptance."""
