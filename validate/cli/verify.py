"""`validate verify`: does this evidence hold, and does every number come out again?"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from validate.errors import ExitCode

if TYPE_CHECKING:
    from cryptography.x509 import Certificate

    from validate.evidence.verification import Verification
    from validate.evidence.verify import Redrawing


def command(
    run: Annotated[
        Path,
        typer.Argument(
            metavar="RUN",
            help="Run folder, a bundle (zip), or one case (json) of `validate bundle --case`.",
            show_default=False,
        ),
    ],
    *,
    recompute: Annotated[bool, typer.Option(help="Compute every number again from the per-case tables.")] = True,
    trust: Annotated[
        list[Path] | None,
        typer.Option(
            metavar="CERTIFICATE", help="Of a signer or time-stamp authority whose word you take; repeatable."
        ),
    ] = None,
    ledger: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE", help="Export of the site's ledger (validate runs --export): does RUN stand in it?"
        ),
    ] = None,
    paper: Annotated[
        bool,
        typer.Option(
            help="Set the PDF again too, and compare it to the byte: needs the typesetter, in the versions that the SBOM names."
        ),
    ] = False,
    of: Annotated[
        Path | None, typer.Option(metavar="RUN", help="Of one case: the run or bundle that it is said to be in.")
    ] = None,
    root: Annotated[
        str | None, typer.Option(metavar="HEX", help="Of one case: the root over the cases, as you know it otherwise.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the answer as JSON.")] = False,
) -> None:
    """Check hashes, audit chain and every number of a run, offline; or that one case was in a run."""
    import dataclasses

    from validate.canonical import pretty_json
    from validate.errors import CommandError
    from validate.evidence.bundle import opened_bundle
    from validate.evidence.verify import verify
    from validate.numbers import recomputation
    from validate.provenance.certificate import read_certificates

    certificates = [read_certificates(path)[0] for path in trust or ()]  # a chain beside it is not trusted with it
    if run.is_file() and run.suffix == ".json":
        raise typer.Exit(_case(run, of, root, certificates))
    if of is not None or root is not None:
        raise CommandError(f"{run}: --of and --root are for one case, a json file of `validate bundle --case`.")
    with opened_bundle(run) as folder:
        answer = verify(
            folder,
            recompute=recomputation if recompute else None,
            trusted=certificates,
            ledger=ledger,
            redraw=_redrawing(paper=paper),
        )
    if as_json:
        typer.echo(pretty_json(dataclasses.asdict(answer)).decode(), nl=False)
    else:
        _tell(answer)
        if ledger is not None and answer.holds:
            typer.echo("  the ledger is whole, and this run stands in it")
    raise typer.Exit(ExitCode.PASS if answer.holds else ExitCode.NOT_VERIFIED)


def _redrawing(*, paper: bool) -> Redrawing | None:
    """What sets the page again; None on a machine that only verifies and has no jinja2."""
    from validate.errors import MissingLibrary

    try:
        from validate.report.again import made_again, paper_made_again
    except ImportError as error:
        if paper:
            raise MissingLibrary("jinja2", "Setting the PDF again", "pip install jinja2") from error
        return None
    return paper_made_again if paper else made_again


def _tell_uncounted(addresses: Sequence[str]) -> None:
    if addresses:
        typer.echo(f"  {len(addresses)} numbers of findings have no second way of counting:")
        for address in addresses:
            typer.echo(f"    {address}")


def _tell(answer: Verification) -> None:
    """First what holds, then at once what this can't prove, then the rest."""
    typer.echo(answer.status)
    typer.echo(answer.unproven if "unproven" in answer.unproven else f"unproven: {answer.unproven}")
    typer.echo(f"{answer.files} files, {answer.events} events, {answer.numbers} numbers checked")
    beside = f", and {answer.found} numbers of findings," if answer.found else ""
    typer.echo(f"{answer.recounted} of {answer.estimates} estimates{beside} counted a second, independent way")
    if answer.not_counted:
        why = "; ".join(f"{count} {words}" for words, count in answer.not_counted.items())
        typer.echo(f"  of findings not counted so, but computed again by this program: {why}")
    _tell_uncounted(answer.uncounted)
    typer.echo(f"{answer.printed} numbers printed in the PDF matched by their address")
    if answer.words:
        shown = ", ".join(repr(one[:40]) for one in answer.words[:3])
        typer.echo(f"{len(answer.words)} printed words with a number in them have no address ({shown})")
    typer.echo(f"{answer.redrawn} files of the report made again and found the same")
    for difference in answer.differences:
        typer.echo(f"  differs: {difference}")
    for one in answer.signatures:
        whose = "trusted key" if one.trusted else "key not named as trusted"
        when = f"{one.time}, stamped {one.stamp.time}" if one.stamp else f"{one.time} by the signer's own clock"
        typer.echo(f"  {one.meaning} by {one.signer} ({whose} {one.fingerprint[:16]}…), {when}")
    if answer.other_version:
        typer.echo(
            f"  made by another version of the program ({answer.other_version}): checklists and scripts not made again"
        )
    if answer.left_over:
        typer.echo(
            f"  a signature, or a report made again, was interrupted and does not count ({', '.join(answer.left_over)})"
        )
    if answer.lock_signer:
        typer.echo(f"  lock signed by {answer.lock_signer}")
    if answer.lock_stamp:
        typer.echo(f"  lock stamped {answer.lock_stamp}")


def _case(proof: Path, of: Path | None, root: str | None, certificates: list[Certificate]) -> ExitCode:
    """One case against the root that the reader knows, or that of a run which is checked with it."""
    from validate.errors import CommandError, EvidenceError
    from validate.evidence.bundle import opened_bundle
    from validate.evidence.cases import check_inclusion, read_inclusion
    from validate.evidence.manifest import case_root
    from validate.evidence.verify import verify

    if (of is None) == (root is None):
        raise CommandError(f"{proof}: say under which root this case must be: --of RUN, or --root HEX, and not both.")
    document = read_inclusion(proof)
    unproven = "whose root this is: compare it with a signed manifest (manifest.json#/cases/root)"
    if of is not None:
        with opened_bundle(of) as folder:
            answer, known = verify(folder, trusted=certificates), case_root(folder)
        if answer.differences:
            raise EvidenceError(f"{of}: the evidence itself does not hold: {answer.differences[0]}")
        root, unproven = str(known["root"]) if known else "", answer.unproven
    check_inclusion(document, str(root))
    typer.echo("INCLUDED")
    typer.echo(f"unproven: {unproven}")
    typer.echo(f"case {document['case']}, {document['index'] + 1} of {document['cases']}, under the root {root}")
    return ExitCode.PASS
