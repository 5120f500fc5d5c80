"""What does `python -m connectors.psp` run: the provider gateway."""

import sys

from connectors.psp.app import main

sys.exit(main())
