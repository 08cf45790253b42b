"""The provider's command line: ``python -m examples.isp --help``."""

from __future__ import annotations

import click

from .commands import adding, importing, reporting, sessions


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
def main() -> None:
    """Subscribers, plans and sessions of a provider; ISP_DATABASE says where they are (isp.db by default)."""


for command in (
    adding.init,
    adding.add_nas,
    adding.add_reseller,
    adding.add_plan,
    adding.add_pool,
    adding.add_subscriber,
    adding.set_subscriber,
    importing.import_subscribers,
    sessions.online,
    sessions.disconnect,
    sessions.change_plan,
    reporting.report,
):
    main.add_command(command)

if __name__ == "__main__":
    main(prog_name="isp")
