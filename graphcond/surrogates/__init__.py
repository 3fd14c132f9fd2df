"""How data is seen: closed-form models."""
