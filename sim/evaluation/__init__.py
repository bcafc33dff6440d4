"""How well vision does on rendered scenes whose truth is known: `chaoxun eval rendered` and `nuisance`."""
