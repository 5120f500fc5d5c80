"""Does everything the platform promises hold: every invariant judged on live data, with evidence."""
