"""`python -m dojopool`: the same as `dojo`."""

from __future__ import annotations

from dojopool.cli.main import main

if __name__ == "__main__":
    main()
