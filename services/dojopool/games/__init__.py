"""Games: the built-in ones, and how `DOJO_GAME` becomes a game with its codec."""
