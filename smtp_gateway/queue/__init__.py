"""Mail on its way to other operators: waiting, sent, given up, and what the sender is told."""
