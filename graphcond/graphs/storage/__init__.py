"""How condensed graphs lie in files."""
