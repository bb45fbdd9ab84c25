"""The names that mail programs have for the special folders lead to one folder each (VGM:M5)."""

import pytest

from mailstore.aliases import ALIASES, is_alias
from mailstore.folders import STANDARD_FOLDERS, canonical_name


@pytest.mark.parametrize(("special", "alias"), [(name, each) for name, aliases in ALIASES.items() for each in aliases])
def test_each_alias_leads_to_its_folder(special: str, alias: str) -> None:
    assert canonical_name(alias) == special
    assert canonical_name(alias.upper()) == special
    assert canonical_name(f"INBOX/{alias}") == special
    assert is_alias(alias)


def test_every_special_folder_has_aliases_and_is_none_itself() -> None:
    special = {name for name, use in STANDARD_FOLDERS if use is not None}

    assert special == ALIASES.keys()
    assert not any(map(is_alias, special))


@pytest.mark.parametrize("name", ["Patients", "Sentiers", "INBOX", "INBOX/Patients", "Patients/Sent", "Envoyés/2026"])
def test_other_names_stay_as_they_are(name: str) -> None:
    assert canonical_name(name) == name
    assert not is_alias(name)


def test_folders_below_an_alias_are_below_the_special_folder() -> None:
    assert canonical_name("Archive/2026") == "Archives/2026"
    assert canonical_name("elements envoyes/2026") == "Envoyés/2026"
