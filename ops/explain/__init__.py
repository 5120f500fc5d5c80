"""The life of one payment, told from the rows of Postgres."""
