"""The parsers of the command line come in; a page with every verb and its options goes out."""

from __future__ import annotations

import argparse
from importlib import import_module

from markdown import code, sentence, table

from ohmics.cli import VERBS

_GROUPS = {"start": "To begin with", "stages": "Stages: the workflow calls these"}
_WIDTH = 88


def page() -> str:
    """Return the page of the command line."""
    parts = [
        "# Command line",
        "Made from the parsers themselves: `ohmics VERB --help` says the same. A verb ends with 0 when it is done, 1 "
        "when a step failed, and 2 when the input was refused; then one sentence a fault says what was found, where, "
        "what is legal and what to do.",
    ]
    for group, title in _GROUPS.items():
        parts.append(f"## {title}")
        verbs = [verb for verb, (_, _, where) in VERBS.items() if where == group]
        parts.append(table(["verb", "what"], ([f"[{verb}](#verb-{verb})", sentence(VERBS[verb][1])] for verb in verbs)))
        parts += [_section(verb) for verb in verbs]
    return "\n\n".join(parts)


def parser_of(verb: str) -> argparse.ArgumentParser:
    """Return the parser of one verb."""
    commands = argparse.ArgumentParser(prog="ohmics").add_subparsers(metavar="VERB")
    import_module(f"ohmics.cli.{VERBS[verb][0]}").add_parser(commands)
    return commands.choices[verb]


def _section(verb: str) -> str:
    parser = parser_of(verb)
    parts = [f"(verb-{verb})=", f"### ohmics {verb}", sentence(parser.description or VERBS[verb][1])]
    return "\n\n".join([*parts, *_arguments(parser)])


def _arguments(parser: argparse.ArgumentParser) -> list[str]:
    parser.formatter_class = lambda prog: argparse.HelpFormatter(prog, width=_WIDTH)
    parts = [f"```text\n{parser.format_usage().removeprefix('usage: ').rstrip()}\n```"]
    shown = [action for action in parser._actions if not isinstance(action, argparse._HelpAction)]
    deeper = [action for action in shown if isinstance(action, argparse._SubParsersAction)]
    rows = [_row(action) for action in shown if action not in deeper and action.help != argparse.SUPPRESS]
    if rows:
        parts.append(table(["argument", "meaning", "default"], rows))
    if parser.epilog:
        parts.append(sentence(parser.epilog))
    for action in deeper:
        helps = {choice.dest: choice.help for choice in action._choices_actions}
        for name, below in action.choices.items():
            parts += [f"**{below.prog}**: {sentence(below.description or helps.get(name) or '')}", *_arguments(below)]
    return parts


def _row(action: argparse.Action) -> list[str]:
    metavar = action.metavar if isinstance(action.metavar, str) else ""
    value = metavar or ("" if action.nargs == 0 else action.dest.upper())
    if action.option_strings:
        name = ", ".join(code(f"{option} {value}".strip()) for option in action.option_strings)
    else:
        name = code(metavar or action.dest)
    words = sentence(_expanded(action))
    if action.choices:
        words = f"{words} One of {', '.join(map(code, action.choices))}.".strip()
    if action.required and action.option_strings:
        words = f"{words} (required)".strip()
    shown = action.default not in (None, argparse.SUPPRESS, False, True) and action.default != []
    return [name, words, code(_default(action.default)) if shown else ""]


def _expanded(action: argparse.Action) -> str:
    return (action.help or "").replace("%(default)s", str(action.default)).replace("%%", "%")


def _default(value: object) -> str:
    return ", ".join(map(str, value)) if isinstance(value, (list, tuple)) else str(value)
