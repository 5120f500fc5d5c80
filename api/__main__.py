"""Runs one API process: `python -m api`."""

from api.app import main

if __name__ == "__main__":
    main()
