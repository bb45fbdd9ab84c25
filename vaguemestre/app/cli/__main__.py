"""`python -m vaguemestre.app.cli`: the same program, as the supervisor starts its roles."""

from vaguemestre.app.cli import main

main()
