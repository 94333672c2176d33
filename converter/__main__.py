"""`python -m converter` is `parity`."""

from converter.cli import main

main()
