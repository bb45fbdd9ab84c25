"""The acts that the engine decides: a closed list.

An act that is not here has no rule, and what has no rule is refused.
"""

from enum import StrEnum


class Act(StrEnum):
    """One thing that somebody asks to do to a patient's space, record or mailbox (`domain/access.md` §10.1)."""

    DELIVER_TO_PATIENT = "deliver_to_patient"
    REPLY_BY_PATIENT = "reply_by_patient"
    FILE_DOCUMENT = "file_document"
    READ_DOCUMENT = "read_document"
    SEARCH_BY_TRAITS = "search_by_traits"
    OPEN_BREAK_GLASS = "open_break_glass"
    MASK_DOCUMENT = "mask_document"
    UNMASK_DOCUMENT = "unmask_document"
    MAKE_VISIBLE = "make_visible"
    BLOCK_PROFESSIONAL = "block_professional"
    UNBLOCK_PROFESSIONAL = "unblock_professional"
    GRANT_ACCESS = "grant_access"
    WITHDRAW_ACCESS = "withdraw_access"
    DELEGATE_ACCESS = "delegate_access"
    REVOKE_DELEGATION = "revoke_delegation"
    CLOSE_PROFILE = "close_profile"
    REOPEN_PROFILE = "reopen_profile"
    DELETE_DOCUMENT = "delete_document"
    READ_ACCESS_HISTORY = "read_access_history"
    EXPORT_DATA = "export_data"


# What a permit rests on. The refusals carry the sources of their reason (`reasons.py`).
ACT_SOURCES: dict[Act, tuple[str, ...]] = {
    Act.DELIVER_TO_PATIENT: ("CSP L1111-15", "VGM:ACCESS-DELIVER"),
    Act.REPLY_BY_PATIENT: ("CSP R1111-27", "VGM:ACCESS-REPLY"),
    Act.FILE_DOCUMENT: ("CSP L1111-15", "CSP R1111-47", "VGM:ACCESS-FILE"),
    Act.READ_DOCUMENT: ("CSP L1111-17", "CSP R1111-46", "VGM:ACCESS-READ"),
    Act.SEARCH_BY_TRAITS: ("CSP L1111-17", "VGM:ACCESS-SEARCH"),
    Act.OPEN_BREAK_GLASS: ("CSP L1111-17", "CSP R1111-48", "VGM:ACCESS-EMERGENCY"),
    Act.MASK_DOCUMENT: ("CSP R1111-49", "VGM:ACCESS-MASK"),
    Act.UNMASK_DOCUMENT: ("CSP R1111-49", "VGM:ACCESS-MASK"),
    Act.MAKE_VISIBLE: ("CSP R1111-53", "VGM:ACCESS-VISIBLE"),
    Act.BLOCK_PROFESSIONAL: ("CSP L1111-19", "VGM:ACCESS-BLOCK"),
    Act.UNBLOCK_PROFESSIONAL: ("CSP L1111-19", "VGM:ACCESS-BLOCK"),
    Act.GRANT_ACCESS: ("CSP R1111-46", "VGM:ACCESS-GRANT"),
    Act.WITHDRAW_ACCESS: ("CSP R1111-46", "VGM:ACCESS-GRANT"),
    Act.DELEGATE_ACCESS: ("CSP R1111-33", "VGM:ACCESS-DELEGATE"),
    Act.REVOKE_DELEGATION: ("CSP R1111-33", "VGM:ACCESS-DELEGATE"),
    Act.CLOSE_PROFILE: ("CSP R1111-36", "VGM:ACCESS-CLOSE"),
    Act.REOPEN_PROFILE: ("CSP R1111-36", "VGM:ACCESS-CLOSE"),
    Act.DELETE_DOCUMENT: ("CSP R1111-49", "VGM:ACCESS-DELETE"),
    Act.READ_ACCESS_HISTORY: ("CSP L1111-19", "CSP R1111-43", "VGM:ACCESS-HISTORY"),
    Act.EXPORT_DATA: ("CSP L1111-19", "VGM:ACCESS-EXPORT"),
}
