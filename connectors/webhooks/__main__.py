"""What does `python -m connectors.webhooks` run: the webhook egress."""

import sys

from connectors.webhooks.app import main

sys.exit(main())
