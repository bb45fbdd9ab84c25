"""What the sessions with mail programs share."""

from tests.standins.mail_office import office, open_mail_office  # noqa: F401  fixtures
