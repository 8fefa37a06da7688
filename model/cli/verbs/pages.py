"""Verbs that draw pages: report, monitor."""

from __future__ import annotations

import argparse
import os
import webbrowser
from pathlib import Path

from model.cli import tables_monitoring
from model.cli.terminal import TALK, is_terminal, say, show, show_json
from model.cli.verbs.common import DONE, REFUSED, registry_of, settings_of, write_page
from model.data.drift import ALERT
from model.errors import SourceError
from model.reports import monitoring_page
from model.workflows import card, monitor, monitor_figures
from model.workflows.dataset import Production


def run_report(arguments: argparse.Namespace) -> int:
    page = card.published_card(registry_of(arguments), arguments.version, say=say)
    path = arguments.output or Path(f"{arguments.model}-{arguments.version}.html")
    write_page(path, page)
    if arguments.json:
        show_json({"version": arguments.version, "path": str(path.absolute())})
    else:
        print(path.absolute())
        if is_terminal() and (os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")):
            webbrowser.open(path.absolute().as_uri())
    return DONE


def run_monitor(arguments: argparse.Namespace) -> int:
    settings, store = settings_of(arguments), registry_of(arguments)
    request = monitor.MonitorInputs(arguments.sources, arguments.labels, arguments.window, arguments.until)
    production = Production(arguments.model, arguments.alias, store.alias(arguments.alias)[0])
    observed = monitor.observe(request, settings, production, store, reading=TALK.reading)
    if arguments.report:
        write_page(
            arguments.report, monitoring_page.render(observed.document, monitor_figures.figures(observed, say=say))
        )
    if arguments.json:
        show_json(observed.document)
    else:
        show(*tables_monitoring.monitoring(observed.document))
    if observed.verdict.status == ALERT:
        return REFUSED
    if observed.unseen:
        raise SourceError("\n".join(observed.unseen))
    return DONE
