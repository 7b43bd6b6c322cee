"""`python -m kohort`: runs the `kohort` command without its script on the path."""

from kohort.cli.main import main

main()
