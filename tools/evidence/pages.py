# SPDX-License-Identifier: MIT
"""The page as HTML, all in one file, and a short form of it in Markdown."""

import textwrap
from html import escape

from . import drawing, findings, tables
from .cells import Bad, Bar

STYLE = """
body { font: 15px/1.45 system-ui, sans-serif; margin: 2rem auto; max-width: 76rem;
  padding: 0 1rem; color: #1f2937; }
h1 { margin-bottom: 0; } h2 { margin: 2.2rem 0 .3rem; font-size: 1.15rem; }
p { margin: .3rem 0 .6rem; max-width: 60rem; }
table { border-collapse: collapse; font-size: 13px; }
th, td { padding: .15rem .7rem .15rem 0; text-align: left; vertical-align: top;
  border-bottom: 1px solid #e5e7eb; }
th { color: #4b5563; } td.n { text-align: right; font-variant-numeric: tabular-nums; }
tr.bad td { background: #fee2e2; }
code { font-size: 12px; color: #4b5563; overflow-wrap: anywhere; }
ul.head { list-style: none; padding: 0; display: flex; flex-wrap: wrap; gap: .6rem; }
ul.head li { border: 1px solid #e5e7eb; border-radius: 6px; padding: .4rem .8rem; }
ul.head b { display: block; font-size: 1.2rem; }
.bar { display: inline-block; width: 8rem; height: .7rem; background: #e5e7eb; }
.bar i { display: block; height: 100%; background: #c2410c; }
.good { color: #15803d; } .against { color: #b91c1c; }
svg { max-width: 52rem; width: 100%; font-size: 11px; fill: #4b5563; }
svg polyline { fill: none; stroke-width: 2; } svg .grid { stroke: #e5e7eb; }
.wide { overflow-x: auto; }
"""

LIMITS = [
    "A pass is about these scenarios, with their few threads and operations: it is no proof of "
    "the structure.",
    "A search that was cut off is called bounded, with its bound; random schedules are samples.",
    "Load buffering (a load that sees a store executed later) is never shown.",
    "Real threads were run on this processor and kernel only.",
]


def all_tables(by):
    """Every table of the page, in order."""
    program = tables.programs
    return [
        tables.structures(by), tables.scenarios(by), tables.strategies(by), tables.bounds(by),
        tables.growth(by), tables.mutations(by), tables.faults(by), tables.pairs(by),
        tables.corpus(by), tables.controls(by), tables.litmus(by),
        program(by, "tester", "Tests of the tester", "Engine, memory model, searches, replay; "
                "each with planted faults of the tester itself."),
        tables.figures(by, "tester", "Figures of the tests of the tester"),
        program(by, "freeze", "Real threads, stopped at machine instructions", "One thread is "
                "stopped before each instruction of an operation, and the others must go on; a "
                "process is killed, and the one that shares its memory must go on. (control): a "
                "mutex, which gets stuck; a compare-and-swap loop, which does not."),
        tables.figures(by, "freeze", "Figures of the stops and kills"),
        program(by, "stress", "Real threads, many operations", "Samples of what this processor "
                "and kernel do."),
        program(by, "recorded", "Real threads, all operations recorded and judged", "A history "
                "that no order of the operations explains fails. One is made wrong, and must "
                "fail."),
        tables.figures(by, "recorded", "How many operations were judged"),
        program(by, "monitors", "Tests of the checkers of histories", "Fast checkers against a "
                "slow one, and planted faults."),
        program(by, "protocol", "Protocol models", "SPIN, complete for the constants of the model "
                "only; faulty variants must be found."),
        tables.parts(by), tables.machine(by), tables.commands(by),
    ]


# ---- HTML ----------------------------------------------------------------------------------------

def is_number(text):
    """Whether a cell is aligned to the right."""
    return text.replace(",", "").replace(".", "").rstrip("%").isdigit()


def cell(value):
    """One cell."""
    if isinstance(value, Bar):
        return f"<td>{drawing.bar(value.share)}</td>"
    kind = ' class="n"' if is_number(value) else ""
    return f"<td{kind}>{escape(value)}</td>"


def row(values):
    """One row; red if it speaks against something."""
    kind = ' class="bad"' if any(isinstance(v, Bad) for v in values) else ""
    return f"<tr{kind}>{''.join(map(cell, values))}</tr>"


def html_table(table, picture=""):
    """A section of the page."""
    head = "".join(f"<th>{escape(h)}</th>" for h in table.headers)
    body = (f'<div class="wide"><table><thead><tr>{head}</tr></thead><tbody>\n' +
            "\n".join(map(row, table.rows)) + "\n</tbody></table></div>")
    if table.long:
        body = f"<details><summary>{len(table.rows)} rows</summary>{body}</details>"
    said = f"<p>{escape(table.note)}</p>" if table.note else ""
    typed = "".join(f"<div><code>{escape(c)}</code></div>" for c in table.commands)
    return f"<h2>{escape(table.title)}</h2>\n{said}{picture}{body}\n{typed}\n"


def html_findings(said):
    """What is not as expected, before everything else."""
    if not said:
        return '<p class="good">All is as expected.</p>'
    lines = "".join(f"<li>{escape(line)}</li>" for line in said)
    return f'<p class="against">Not as expected:</p><ul class="against">{lines}</ul>'


def html(records):
    """The whole page."""
    by = findings.group(records)
    tiles = "".join(f"<li><b>{escape(figure)}</b>{escape(label)}</li>"
                    for label, figure in findings.headline(by))
    limits = "".join(f"<li>{escape(line)}</li>" for line in LIMITS)
    grown = tables.growth(by).title
    picture = drawing.lines(tables.growth_rows(by)[0])
    body = "".join(html_table(t, picture if t.title == grown else "") for t in all_tables(by)
                   if t.rows)
    return (f'<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8">'
            f'<meta name="viewport" content="width=device-width"><title>Evidence</title>'
            f"<style>{STYLE}</style></head><body>\n<h1>Evidence</h1>\n"
            f'{html_findings(findings.against(records))}\n<ul class="head">{tiles}</ul>\n'
            f"<ul>{limits}</ul>\n{body}</body></html>\n")


# ---- Markdown ------------------------------------------------------------------------------------

def plain(value):
    """A cell of a Markdown table."""
    return value.replace("|", "\\|")


def wrapped(text, indent=""):
    """A paragraph in lines as long as those of a source."""
    return textwrap.fill(text, 100, subsequent_indent=indent, break_on_hyphens=False)


def md_table(table):
    """A section without its bars."""
    kept = [k for k, h in enumerate(table.headers) if h]
    lines = [f"## {table.title}", "", *([wrapped(table.note), ""] if table.note else [])]
    lines += ["| " + " | ".join(table.headers[k] for k in kept) + " |", "|---" * len(kept) + "|"]
    lines += ["| " + " | ".join(plain(r[k]) for k in kept) + " |" for r in table.rows]
    return "\n".join([*lines, "", *[f"    {c}" for c in table.commands]]).rstrip() + "\n"


def markdown(records):
    """The short form: what was run, how far, and what was found."""
    by = findings.group(records)
    said = findings.against(records)
    head = [f"- {label}: {figure}" for label, figure in findings.headline(by)]
    shown = [tables.structures(by), tables.scenarios(by), tables.bounds(by), tables.growth(by),
             tables.litmus(by), short_faults(by), tables.parts(by), tables.machine(by)]
    return "\n".join([
        "# Evidence of one campaign", "",
        wrapped("Written by `tools/evidence.py --markdown`; `make evidence` makes the whole page, "
                "with every order, fault, control and command."), "",
        *(["Not as expected:", "", *[f"- {line}" for line in said]] if said
          else ["All is as expected."]), "", *head, "",
        "What it does not say:", "", *[wrapped(f"- {line}", "  ") for line in LIMITS], "",
        *[md_table(t) for t in shown if t.rows]]).rstrip() + "\n"


def short_faults(by):
    """The last row of the table of planted faults: how many each strategy finds."""
    whole = tables.faults(by)
    return whole._replace(rows=whole.rows[-1:])
