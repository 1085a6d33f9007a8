"""`python -m mmerc`: the command, where its script is not on the path."""

from mmerc.cli import main

main()
