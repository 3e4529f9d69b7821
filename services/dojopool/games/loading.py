"""From the name of a game to the game and the codec of its events."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any, Final

from dojopool.codec.event_codec import EventCodec, codec_for
from dojopool.core.fold import Fold
from dojopool.errors import ConfigError, GameError
from dojopool.game import Game

BUILT_IN: Final = {"pool": "dojopool.games.pool:pool"}


@dataclass(frozen=True, slots=True)
class LoadedGame:
    """A game that can be played: its rules and the codec of its events."""

    game: Game
    codec: EventCodec

    @property
    def version(self) -> str:
        """Fold version: names everything that stored bytes mean."""
        return self.game.fold_version(self.codec.fold_version_part)

    def new_fold(self) -> Fold:
        """An empty fold of this game."""
        return Fold(self.game.kind, decode=self.codec.decode, reduce=self.game.reduce)


def load_game(name: str) -> LoadedGame:
    """The game that `name` means: a built-in one, or `module:object`.

    Raises ConfigError when there is no such game, GameError when its schema or decoder is refused.
    """
    module_name, _, attribute = BUILT_IN.get(name, name).partition(":")
    if not attribute:
        raise ConfigError(f"game {name!r} is neither built in ({', '.join(BUILT_IN)}) nor of the form module:object")
    try:
        game = getattr(import_module(module_name), attribute)
    except (ImportError, AttributeError) as error:
        raise ConfigError(f"game {name!r} cannot be loaded: {error}") from error
    if not isinstance(game, Game):
        raise ConfigError(f"game {name!r} names a {type(game).__name__}, not a dojopool.game.Game")
    decoder: Any = None if game.decoder is None else import_module(game.decoder)
    loaded = LoadedGame(game, codec_for(_schema_of(game), decoder))
    if odd := sorted(game.event_types ^ set(loaded.codec.types)):
        raise GameError(
            f"game {name!r}: {odd[0]} is an event of the schema without a reducer, or has a reducer and is none;"
            f" events are {', '.join(loaded.codec.types)}"
        )
    return loaded


def _schema_of(game: Game) -> str | Path:
    """The game's schema file: beside the module that declares its state, else one of the built-in ones."""
    source = sys.modules[game.state.__module__].__file__
    beside = Path(source or "").parent / game.schema
    return beside if beside.is_file() else game.schema
