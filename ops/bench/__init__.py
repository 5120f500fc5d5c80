"""What the platform costs: CPU time per unit of work, measured, never asserted by the clock."""
