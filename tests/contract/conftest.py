"""The promises stand in modules beside the tests, so that tests may break them on purpose."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
