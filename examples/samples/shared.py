"""
What the samples share: where the server is, and JSON as it is printed.
"""

import json
import os
from typing import Any

from dalsegno.client import DEFAULT_TARGET

ADDRESS = os.environ.get("DALSEGNO_ADDRESS", DEFAULT_TARGET)


def compact(value: Any) -> str:
    """
    JSON without spaces, keys in the order they have.
    """
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
