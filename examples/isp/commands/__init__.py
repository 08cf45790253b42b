"""The command line: ``python -m examples.isp COMMAND``, one module for each kind of work."""
