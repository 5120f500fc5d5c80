"""The entry point of the clock's process."""

import sys

from connectors.clock.app import main

sys.exit(main())
