"""The SDK: what a game server or a tool uses to record events of matches and to read their state.

`dojopool.connect()` is the way in. `open_dojo` is the same over ports that are handed to it; nothing here but `wiring`
names a product.
"""

from dojopool.client.config import Limits
from dojopool.client.dojo import Dojo, open_dojo
from dojopool.client.match import MatchHandle
from dojopool.client.receipts import Accepted, LogPosition, Mode, Receipt, Rejected, Unknown
from dojopool.client.view import MatchView

__all__ = [
    "Accepted",
    "Dojo",
    "Limits",
    "LogPosition",
    "MatchHandle",
    "MatchView",
    "Mode",
    "Receipt",
    "Rejected",
    "Unknown",
    "open_dojo",
]
