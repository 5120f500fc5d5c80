"""What does `python -m connectors.audit` run: the sealer of the journal."""

import sys

from connectors.audit.app import main

sys.exit(main())
