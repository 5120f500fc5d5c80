"""The entry point of the sink's process."""

import sys

from connectors.postgres.app import main

sys.exit(main())
