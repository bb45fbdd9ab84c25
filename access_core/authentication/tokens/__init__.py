"""Access tokens: who issued them, whether they are true, who holds them."""
