"""What the processes do at intervals: checkpoints, the directory, the list, old rows and blobs."""

from datetime import timedelta
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from vaguemestre.app.bootstrap import Instance
    from vaguemestre.kernel.service import Service

FOLLOW_EVERY_S = 30
HISTORY_EVERY_S = 3_600
SWEEP_EVERY_S = 86_400


def chores(instance: "Instance") -> "list[Service]":
    """Build what the worker does at intervals: checkpoints of the trace; the directory and the list if asked."""
    from vaguemestre.app.directories import refresh_standings
    from vaguemestre.app.periodic import Chore, PeriodicService

    access = instance.settings.access
    every_s = access.trace.checkpoint_every_s
    wanted = [Chore(name="checkpoints", run=instance.checkpointer.run, every_s=every_s, at_end=True)]
    if access.directory.source == "fhir":
        every_s = access.directory.refresh_every_s
        asking = Chore(
            name="directory", run=lambda: refresh_standings(instance).total(), every_s=every_s, at_start=True
        )
        wanted.append(asking)
    wanted.append(Chore(name="queue-history", run=lambda: _forget_queue(instance), every_s=HISTORY_EVERY_S))
    wanted.append(Chore(name="blob-sweep", run=lambda: _sweep_blobs(instance), every_s=SWEEP_EVERY_S, at_start=True))
    wanted.append(
        Chore(name="expunged-log", run=lambda: _prune_expunged(instance), every_s=SWEEP_EVERY_S, at_start=True)
    )
    trust = instance.settings.trust
    lists = Chore(
        name="revocation", run=lambda: _refresh_revocation(instance), every_s=trust.revocation_refresh_s, at_start=True
    )
    wanted.append(lists)
    if trust.url is not None:
        fetching = Chore(
            name="whitelist", run=lambda: _refresh_list(instance), every_s=trust.refresh_every_s, at_start=True
        )
        wanted.append(fetching)
    return [PeriodicService(chore) for chore in wanted]


def _forget_queue(instance: "Instance") -> int:
    from smtp_gateway.queue.entries import forget
    from smtp_gateway.receipts.states import forget_states

    relay, now = instance.settings.relay, instance.clock.now()
    ended, followed = now - timedelta(seconds=relay.keep_s), now - timedelta(seconds=relay.follow_s)
    return instance.database.write_now(lambda tx: forget(tx, ended) + forget_states(tx, followed))


def _sweep_blobs(instance: "Instance") -> int:
    from mailstore.garbage import sweep

    return sweep(instance.database, instance.blobs, instance.clock.now())


def _prune_expunged(instance: "Instance") -> int:
    from mailstore.expunged_log import prune_all

    kept = instance.settings.mailstore
    before = instance.clock.now() - timedelta(seconds=kept.expunged_keep_s)
    return prune_all(instance.database, before=before, keep=kept.expunged_keep)


def _refresh_list(instance: "Instance") -> int:
    from smtp_gateway.trust.refresh import Outcome, refresh

    return int(refresh(instance.settings.trust, instance.clock.now()).outcome is Outcome.REPLACED)


def _refresh_revocation(instance: "Instance") -> int:
    """Fetch the revocation lists again: those of peers met before, and of our own certificate, which name the same."""
    from cryptography import x509

    from smtp_gateway.trust.crl import distribution_points

    own = x509.load_pem_x509_certificates(instance.settings.pki.operator_certificate.read_bytes())[0]
    return instance.revocation.folder.refresh_all(distribution_points(own))


def follow_trust(instance: "Instance") -> "Service":
    """Build what reads again what another process has replaced: the whitelist, the revocation lists."""
    from vaguemestre.app.periodic import Chore, PeriodicService
    from vaguemestre.app.trust_figures import TrustFigures

    figures = TrustFigures()

    def follow() -> int:
        changed = int(instance.trust.follow())
        for name in ("operator_tls", "relay_tls"):
            if name in vars(instance):
                changed += getattr(instance, name).follow()
        figures.show(instance.trust, instance.clock.now())
        return changed

    return PeriodicService(Chore(name="trust-files", run=follow, every_s=FOLLOW_EVERY_S, at_start=True))
