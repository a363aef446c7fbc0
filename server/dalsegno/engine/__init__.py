"""
The engine: executes runs against a store, and knows neither transport nor database.
"""

from dalsegno.engine.engine import Engine as Engine
from dalsegno.engine.settings import EngineSettings as EngineSettings

__all__ = ["Engine", "EngineSettings"]
