"""What does `python -m connectors.bank` run: the reader of settlement files."""

import sys

from connectors.bank.app import main

sys.exit(main())
