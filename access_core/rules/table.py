"""Every act and its rule. An act that is missing here could never be permitted; a test counts them."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from access_core.acts import Act
from access_core.rules import Rule
from access_core.rules.delegation import delegate_access, revoke_delegation
from access_core.rules.documents import delete_document, make_visible, mask_document, unmask_document
from access_core.rules.filing import file_document
from access_core.rules.messages import deliver_to_patient, reply_by_patient
from access_core.rules.professionals import block_professional, grant_access, unblock_professional, withdraw_access
from access_core.rules.profile import close_profile, export_data, read_access_history, reopen_profile
from access_core.rules.reading import open_break_glass, read_document, search_by_traits

RULES: Final[Mapping[Act, Rule]] = MappingProxyType(
    {
        Act.DELIVER_TO_PATIENT: deliver_to_patient,
        Act.REPLY_BY_PATIENT: reply_by_patient,
        Act.FILE_DOCUMENT: file_document,
        Act.READ_DOCUMENT: read_document,
        Act.SEARCH_BY_TRAITS: search_by_traits,
        Act.OPEN_BREAK_GLASS: open_break_glass,
        Act.MASK_DOCUMENT: mask_document,
        Act.UNMASK_DOCUMENT: unmask_document,
        Act.MAKE_VISIBLE: make_visible,
        Act.BLOCK_PROFESSIONAL: block_professional,
        Act.UNBLOCK_PROFESSIONAL: unblock_professional,
        Act.GRANT_ACCESS: grant_access,
        Act.WITHDRAW_ACCESS: withdraw_access,
        Act.DELEGATE_ACCESS: delegate_access,
        Act.REVOKE_DELEGATION: revoke_delegation,
        Act.CLOSE_PROFILE: close_profile,
        Act.REOPEN_PROFILE: reopen_profile,
        Act.DELETE_DOCUMENT: delete_document,
        Act.READ_ACCESS_HISTORY: read_access_history,
        Act.EXPORT_DATA: export_data,
    }
)
