"""`python -m validate` is the command `validate`."""

from validate.cli.main import main

main()
