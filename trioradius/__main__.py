"""``python -m trioradius``: the command, where its script is not on the path."""

from trioradius.cli import main

main(prog_name="trioradius")
