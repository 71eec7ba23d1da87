"""The last thing a run prints: the data, the verdict rule by rule, and where the model is."""

from __future__ import annotations

import json
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from pipeline.result import RunResult
from trainer.errors import UserError

_LIMITS = (
    "Limits are settings of `evaluate:` and `validator:` (`imagemill config explain SECTION`)."
)
_STYLES = {"pass": "green", "fail": "bold red", "skipped": "dim"}


def print_summary(console: Console, result: RunResult, *, log_file: str, seconds: float) -> None:
    """Prints what came of a run for a person."""
    console.print()
    if result.skipped:
        console.print(f"Nothing to train: {result.decision.reason}. Use --force to train anyway.")
    else:
        _print_data(console, result)
        _print_rules(console, result)
        _print_verdict(console, result)
        if result.report_path:
            console.print(f"Report    {result.report_path}", soft_wrap=True)
    console.print(f"[dim]{seconds:.0f} s in all. Log: {log_file}[/dim]", soft_wrap=True)


def as_json(result: RunResult, *, log_file: str, seconds: float) -> str:
    """The same for a script."""
    values: dict[str, Any] = {
        "run_id": result.run_id,
        "decision": result.decision.model_dump(mode="json"),
        "blessed": result.blessed,
        "pushed_version": result.pushed_version,
        "model_path": result.model_path,
        "report_path": result.report_path,
        "metrics": result.metrics,
        "rules": list(result.rules),
        "dataset": result.dataset.model_dump(mode="json") if result.dataset else None,
        "steps": [
            {"id": step.node_id, "state": step.state.value, "seconds": round(step.seconds, 3)}
            for step in result.steps
        ],
        "seconds": round(seconds, 3),
        "log": log_file,
    }
    return json.dumps(values, indent=2)


def failure_json(error: Exception, code: int, *, log_file: str) -> str:
    """Why a run came to nothing, for a script; the exit code says it too."""
    if isinstance(error, UserError):
        said = {"error": error.message, "fix": error.fix}
    else:
        said = {"error": f"{type(error).__name__}: {error}", "fix": "read the log"}
    return json.dumps({**said, "exit_code": code, "log": log_file}, indent=2)


def _print_data(console: Console, result: RunResult) -> None:
    data = result.dataset
    if data is None:
        return
    sizes = ", ".join(f"{data.split_size(split):,} {split}" for split in data.counts)
    dead = f"; {data.dead_letters:,} files could not be read" if data.dead_letters else ""
    console.print(f"Data      {len(data.class_names)} classes; {sizes}{dead}")


def _print_rules(console: Console, result: RunResult) -> None:
    table = Table(box=None, padding=(0, 2, 0, 0), title_justify="left", header_style="bold")
    for heading, justify in (
        ("Rule", "left"),
        ("Value", "right"),
        ("Limit", "right"),
        ("", "left"),
    ):
        table.add_column(heading, justify=justify)  # type: ignore[arg-type]
    for rule in result.rules:
        table.add_row(
            str(rule["name"]),
            _figure(rule.get("value")),
            _figure(rule.get("limit")),
            Text(str(rule["verdict"]), style=_STYLES.get(rule["verdict"], "")),
        )
    console.print(table)


def _print_verdict(console: Console, result: RunResult) -> None:
    if not result.blessed:
        broken = [rule for rule in result.rules if rule["verdict"] == "fail"]
        names = ", ".join(str(rule["name"]) for rule in broken)
        console.print(f"[bold red]Not blessed[/]: {names}. Nothing was pushed.")
        for rule in broken:
            held = f"{_figure(rule.get('value'))} against {_figure(rule.get('limit'))}"
            told = f"{rule['name']}: {held}: {rule.get('detail') or 'see the report'}"
            console.print(told, soft_wrap=True, markup=False)
        for fix in dict.fromkeys(str(rule["fix"]) for rule in broken):
            console.print(Text.assemble(("What to do", "bold"), f": {fix}"), soft_wrap=True)
        console.print(Text(_LIMITS), soft_wrap=True)
        return
    console.print("[bold green]Blessed[/]: every rule holds.")
    if result.model_path:
        console.print(
            f"Pushed    version {result.pushed_version}: {result.model_path}", soft_wrap=True
        )
        console.print(f"Try it    imagemill predict {result.model_path} PHOTO.jpg", soft_wrap=True)


def _figure(value: object) -> str:
    return f"{value:.4g}" if isinstance(value, float) else "" if value is None else str(value)
