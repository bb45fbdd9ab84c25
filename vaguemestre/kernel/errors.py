"""The exceptions of the whole program.

A refusal by rule is a `Decision`, never one of these. Their texts name the rule that was broken and
never the data that broke it, since a text may end in a log.
"""


class VaguemestreError(Exception):
    """Anything that this program raises on purpose."""


class InvalidIdentifier(VaguemestreError):
    """A text is not the INS, RPPS or address that it should be."""


class ConfigurationError(VaguemestreError):
    """The settings, a key file or a data file cannot be used as they are; says what to change."""


class ProtocolError(VaguemestreError):
    """The other side sent bytes that its protocol or format does not allow."""


class TemporaryFailure(VaguemestreError):
    """Nothing was done and the same request may succeed later (disk full, database away)."""


class StorageFull(TemporaryFailure):
    """There is no room left, in the catalogue or for blobs; nothing was kept."""


class PermanentFailure(VaguemestreError):
    """Nothing was done and trying again cannot help."""


class IntegrityError(VaguemestreError):
    """Sealed bytes, a signature or a chain do not verify."""
