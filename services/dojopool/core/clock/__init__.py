"""Logical time: what had been seen (vector clocks) and what to call earlier when nothing else decides (hybrid
stamps).
"""

from dojopool.core.clock.hybrid import HybridClock
from dojopool.core.clock.order import Order
from dojopool.core.clock.vector_clock import VectorClock

__all__ = ["HybridClock", "Order", "VectorClock"]
