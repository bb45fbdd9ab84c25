"""I, the identity: professionals and structures reach a record by an INS of the quality that the act needs."""

from collections.abc import Mapping
from typing import Final

from access_core.acts import Act
from access_core.facts import PROFESSIONAL_SIDE, Context, IdentityStatus, Mode, Resource, Subject
from access_core.reasons import Reason

_WRONG: Final[Mapping[IdentityStatus | None, Reason]] = {
    None: Reason.I_INS_ABSENTE,
    IdentityStatus.ABSENTE: Reason.I_INS_ABSENTE,
    IdentityStatus.MALFORMEE: Reason.I_INS_MALFORMEE,
    IdentityStatus.DISCORDANTE: Reason.I_INS_DISCORDANTE,
}
_QUALIFIED: Final = frozenset({IdentityStatus.QUALIFIEE})
_FETCHED: Final = frozenset({IdentityStatus.QUALIFIEE, IdentityStatus.RECUPEREE})
_EMERGENCY: Final = frozenset({Mode.BRIS_DE_GLACE, Mode.CENTRE_15})


def check_identity(subject: Subject, act: Act, resource: Resource, context: Context) -> Reason | None:
    """Check that the act concerns the right patient.

    Source: DMP EX_GEN-1530, EX_GEN-1255; référentiel INS
    """
    if act is Act.SEARCH_BY_TRAITS:
        return _check_search(resource, context)
    if subject.sujet not in PROFESSIONAL_SIDE:
        return None
    wrong = _WRONG.get(resource.ins)
    if wrong is not None or act is Act.DELIVER_TO_PATIENT:
        return wrong
    enough = _QUALIFIED if act is Act.FILE_DOCUMENT else _FETCHED
    return None if resource.ins in enough else Reason.I_INS_NON_QUALIFIEE


def _check_search(resource: Resource, context: Context) -> Reason | None:
    """Replace the INS by traits: in an emergency only, and when they name one person."""
    if context.mode not in _EMERGENCY:
        return Reason.I_RECHERCHE_TRAITS_INTERDITE
    return None if resource.candidats == 1 else Reason.I_TRAITS_AMBIGUS
