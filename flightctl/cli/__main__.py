"""`python -m flightctl.cli` is `chaoxun`."""

from flightctl.cli import main

main()
