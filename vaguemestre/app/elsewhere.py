"""What the worker does for records and mailboxes elsewhere: files what waits for them, watches what comes from them.

Each runs on its own, since another program that is slow or away must delay nothing else.
"""

from typing import TYPE_CHECKING

from dmp_bridge.external.config import RecordChoice
from vaguemestre.kernel.errors import ConfigurationError
from vaguemestre.kernel.log import get_logger

if TYPE_CHECKING:
    from dmp_bridge.watch_config import WatchSettings
    from vaguemestre.app.bootstrap import Instance
    from vaguemestre.kernel.service import Service

log = get_logger(__name__)


def elsewhere(instance: "Instance") -> "list[Service]":
    """Build the services that the settings ask for.

    Raises:
        ConfigurationError: a certificate or a key of the record elsewhere cannot be used.
    """
    is_only_here = instance.settings.dmp.record is RecordChoice.EMBEDDED
    filing = [] if is_only_here else [_filing(instance)]
    return [*filing, *(_watch(instance, each) for each in instance.settings.dmp.watch)]


def _watch(instance: "Instance", watched: "WatchSettings") -> "Service":
    from dmp_bridge.watch import Watch, WatchParts
    from vaguemestre.app.worker import WorkerService

    parts = WatchParts(
        settings=instance.settings.dmp,
        database=instance.database,
        store=instance.mail_store,
        clock=instance.clock,
        presume_care=instance.settings.access.filing_care == "presumed",
    )
    return WorkerService(f"watch-{watched.name}", Watch(watched, parts))


def _filing(instance: "Instance") -> "Service":
    from dmp_bridge.external.access import load_access
    from dmp_bridge.external.filing_task import ExternalFilingTask, TaskParts
    from dmp_bridge.external.queue import FILE_TASK
    from vaguemestre.app.worker import WorkerService
    from vaguemestre.kernel.outbox import OutboxWorker, Patience

    settings = instance.settings.dmp
    parts = TaskParts(
        database=instance.database,
        store=instance.mail_store,
        clock=instance.clock,
        access=load_access(settings.external, instance.clock),
        choice=settings.record,
    )
    task = ExternalFilingTask(parts)

    def renew() -> None:
        """Read certificates and keys again; what cannot be read leaves the old ones in force."""
        try:
            task.renew(load_access(settings.external, instance.clock))
        except ConfigurationError as error:
            log.warning("certificate_not_reloaded", kind="dmp", error=error)

    worker = OutboxWorker(
        instance.database,
        instance.bus,
        instance.clock,
        {FILE_TASK: task},
        Patience(max_attempts=settings.external.attempts),
    )
    return WorkerService("dmp", worker, reload_parts=(renew,))
