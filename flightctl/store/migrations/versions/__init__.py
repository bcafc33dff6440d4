"""One module a revision; never change one that was released."""
