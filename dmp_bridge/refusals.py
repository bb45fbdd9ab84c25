"""Why the bridge refuses an archive or a document before the access engine is asked: the closed register.

Codes are stable once released. They stand beside those of `access_core.reasons` (letter X, for the exchange
formats XDM, CDA, XDS) and, like them, never carry data. What can be parsed is then decided by the engine.
"""

from dataclasses import dataclass
from enum import StrEnum

from vaguemestre.kernel.errors import ProtocolError


class Refusal(StrEnum):
    """A stable code; `REGISTER` holds its sentence and its code in a business MDN."""

    ARCHIVE_UNREADABLE = "X_ARCHIVE_ILLISIBLE"
    ARCHIVE_TOO_LARGE = "X_ARCHIVE_TROP_GRANDE"
    ARCHIVE_COMPRESSION = "X_ARCHIVE_COMPRESSION"
    ARCHIVE_ENTRIES = "X_ARCHIVE_ENTREES"
    ARCHIVE_NAME = "X_ARCHIVE_NOM"
    ARCHIVE_DUPLICATE = "X_ARCHIVE_DOUBLON"
    ARCHIVE_ENCRYPTED = "X_ARCHIVE_CHIFFREE"
    ARCHIVE_NOT_XDM = "X_ARCHIVE_SANS_LOT"
    METADATA_FORMAT = "X_METADONNEES_FORMAT"
    METADATA_UNREADABLE = "X_METADONNEES_ILLISIBLES"
    METADATA_INCOMPLETE = "X_METADONNEES_INCOMPLETES"
    METADATA_LENGTH = "X_METADONNEES_LONGUEUR"
    DOCUMENT_MISSING = "X_DOCUMENT_ABSENT"
    DOCUMENT_HASH = "X_DOCUMENT_EMPREINTE"
    DOCUMENT_SIZE = "X_DOCUMENT_TAILLE"
    DOCUMENT_NOT_CDA = "X_DOCUMENT_NON_CDA"
    CDA_UNREADABLE = "X_CDA_ILLISIBLE"
    CDA_INCOMPLETE = "X_CDA_INCOMPLET"
    CDA_INVALID = "X_CDA_NON_VALIDE"
    CDA_TYPE_UNKNOWN = "X_CDA_TYPE_INCONNU"
    CDA_DISAGREES = "X_CDA_DISCORDANT"
    PICTURE_UNREADABLE = "X_IMAGE_ILLISIBLE"
    FILE_KIND = "X_FICHIER_TYPE"
    FILE_SIZE = "X_FICHIER_TAILLE"
    PATIENT_AMBIGUOUS = "X_PATIENT_AMBIGU"
    UNIQUE_ID_TAKEN = "X_IDENTIFIANT_DEJA_UTILISE"
    VERSION_TAKEN = "X_VERSION_DEJA_UTILISEE"
    REPLACED_FOREIGN = "X_REMPLACEMENT_REFUSE"
    QUIRK_NOT_TOLERATED = "X_IRREGULARITE"
    DMP_TYPE = "X_DMP_TYPE"
    DMP_IDENTIFIER = "X_DMP_IDENTIFIANT"
    DMP_SIZE = "X_DMP_TAILLE"
    DMP_PDF = "X_DMP_PDF"
    DMP_CONFIDENTIAL = "X_DMP_CONFIDENTIALITE"
    DMP_VERSION = "X_DMP_VERSION"
    DMP_ABSENT = "X_DMP_ABSENT"
    DMP_FORBIDDEN = "X_DMP_INTERDIT"
    DMP_REFUSED = "X_DMP_REFUS"
    DMP_GIVEN_UP = "X_DMP_ABANDON"
    DMP_WITHDRAWN = "X_DMP_RETIRE"
    TYPE_UNKNOWN = "X_TYPE_INCONNU"
    FHIR_UNREADABLE = "X_FHIR_ILLISIBLE"
    FHIR_INCOMPLETE = "X_FHIR_INCOMPLET"
    FHIR_VALUE = "X_FHIR_VALEUR"
    FHIR_REFERENCE = "X_FHIR_REFERENCE"
    FHIR_UNSUPPORTED = "X_FHIR_NON_PRIS_EN_CHARGE"
    FHIR_PARAMETER = "X_FHIR_PARAMETRE"
    FHIR_ABSENT = "X_FHIR_INTROUVABLE"
    FHIR_PATCH = "X_FHIR_MODIFICATION"
    FHIR_FIXED = "X_FHIR_NON_MODIFIABLE"
    FHIR_VERSION = "X_FHIR_VERSION"
    FHIR_SEVERAL = "X_FHIR_PLUSIEURS"


@dataclass(frozen=True, slots=True)
class RefusalEntry:
    """What people and machines read for a refusal.

    Attributes:
        sentence: French, shown to a professional or written in a notice; holds no data.
        mdn_code: three digits of the business MDN (VGM:DMP-MDN, dmp.md §4.3): 900 version, 906 other.
        source: the rule that the refusal applies.
    """

    sentence: str
    mdn_code: str
    source: str


def _entry(sentence: str, source: str, mdn_code: str = "906") -> RefusalEntry:
    return RefusalEntry(sentence, mdn_code, source)


REGISTER: dict[Refusal, RefusalEntry] = {
    Refusal.ARCHIVE_UNREADABLE: _entry("L'archive IHE_XDM est illisible.", "ITI-32"),
    Refusal.ARCHIVE_TOO_LARGE: _entry("L'archive IHE_XDM dépasse la taille admise.", "VGM:XDM-01"),
    Refusal.ARCHIVE_COMPRESSION: _entry("Un fichier de l'archive est anormalement compressé.", "VGM:XDM-01"),
    Refusal.ARCHIVE_ENTRIES: _entry("L'archive contient trop de fichiers.", "VGM:XDM-01"),
    Refusal.ARCHIVE_NAME: _entry("L'archive contient un nom de fichier interdit.", "VGM:XDM-02"),
    Refusal.ARCHIVE_DUPLICATE: _entry("L'archive contient deux fichiers de même nom.", "VGM:XDM-02"),
    Refusal.ARCHIVE_ENCRYPTED: _entry("L'archive est protégée par un mot de passe.", "VGM:XDM-02"),
    Refusal.ARCHIVE_NOT_XDM: _entry("L'archive ne contient aucun lot IHE_XDM.", "ITI-32"),
    Refusal.METADATA_FORMAT: _entry("METADATA.XML n'est pas au format ebRS 3.0.", "ITI-32", "900"),
    Refusal.METADATA_UNREADABLE: _entry("METADATA.XML n'est pas un document XML admis.", "ITI-32"),
    Refusal.METADATA_INCOMPLETE: _entry("METADATA.XML est incomplet.", "ITI TF-3 §4.2"),
    Refusal.METADATA_LENGTH: _entry("Une métadonnée dépasse la longueur admise.", "ITI TF-3 §4.2.3.1.7"),
    Refusal.DOCUMENT_MISSING: _entry("Un document annoncé manque dans l'archive.", "ITI-32"),
    Refusal.DOCUMENT_HASH: _entry("L'empreinte d'un document ne correspond pas.", "ITI TF-3 §4.2.3.2.10"),
    Refusal.DOCUMENT_SIZE: _entry("La taille d'un document est fausse ou excessive.", "ITI TF-3 §4.2.3.2.22"),
    Refusal.DOCUMENT_NOT_CDA: _entry("Ce document n'est pas au format CDA R2.", "MSS2:ECO.2.1.1"),
    Refusal.CDA_UNREADABLE: _entry("Le document CDA n'est pas un document XML admis.", "CI-SIS:StructurationMinimale"),
    Refusal.CDA_INCOMPLETE: _entry("L'en-tête du document CDA est incomplet.", "CI-SIS:StructurationMinimale", "905"),
    Refusal.CDA_INVALID: _entry("Le document CDA n'est pas valide.", "CI-SIS:StructurationMinimale"),
    Refusal.CDA_TYPE_UNKNOWN: _entry("Le type du document CDA n'est pas dans la nomenclature.", "CI-SIS:JDV_J07"),
    Refusal.CDA_DISAGREES: _entry("Le document CDA et ses métadonnées ne concordent pas.", "MSS2:ECO.2.1.2", "904"),
    Refusal.PICTURE_UNREADABLE: _entry("Cette image ne peut pas être lue.", "VGM:CDA-02"),
    Refusal.FILE_KIND: _entry(
        "Ce type de fichier ne peut pas être rangé dans vos documents. Enregistrez-le en PDF ou en image.",
        "VGM:CDA-02",
    ),
    Refusal.FILE_SIZE: _entry("Ce fichier est trop lourd pour être rangé dans vos documents.", "VGM:CDA-02"),
    Refusal.PATIENT_AMBIGUOUS: _entry("L'archive concerne plusieurs patients.", "MSS2:ECO.2.1.1", "904"),
    Refusal.UNIQUE_ID_TAKEN: _entry("Un autre document porte déjà cet identifiant.", "ITI TF-3 §4.2.3.2.26"),
    Refusal.VERSION_TAKEN: _entry("Cette version du document existe déjà.", "CI-SIS:StructurationMinimale", "900"),
    Refusal.REPLACED_FOREIGN: _entry("Le document à remplacer vient d'un autre auteur.", "ITI-41 §3.41.4.1.3", "904"),
    Refusal.QUIRK_NOT_TOLERATED: _entry("L'archive s'écarte du format IHE_XDM.", "VGM:XDM-03"),
    Refusal.DMP_TYPE: _entry("Le DMP n'admet pas ce type de document : il reste ici.", "CI-SIS:JDV_J66"),
    Refusal.DMP_IDENTIFIER: _entry("Le DMP n'admet pas l'identifiant de ce document : il reste ici.", "VGM:DMP-04"),
    Refusal.DMP_SIZE: _entry("Ce document est trop grand pour le DMP : il reste ici.", "VGM:DMP-04"),
    Refusal.DMP_PDF: _entry("Le PDF de ce document ne se dit pas PDF/A-1 : il reste ici.", "VGM:CDA-06"),
    Refusal.DMP_CONFIDENTIAL: _entry(
        "Ce document restreint n'est pas partagé par le DMP : il reste ici.", "VGM:DMP-04"
    ),
    Refusal.DMP_VERSION: _entry("Une version plus récente existe : celle-ci reste ici.", "VGM:DMP-04"),
    Refusal.DMP_ABSENT: _entry("Le patient n'a pas de DMP ouvert : le document reste ici.", "DMP TD0.2", "902"),
    Refusal.DMP_FORBIDDEN: _entry("Le patient n'autorise pas cette structure à alimenter son DMP.", "DMP TD0.2", "901"),
    Refusal.DMP_REFUSED: _entry("Le DMP a refusé ce document.", "ITI-41"),
    Refusal.DMP_WITHDRAWN: _entry("Ce document a été supprimé ici avant son envoi au DMP.", "VGM:DMP-03"),
    Refusal.DMP_GIVEN_UP: _entry("Le DMP n'a pas pu être joint : le document reste ici.", "VGM:DMP-03"),
    Refusal.TYPE_UNKNOWN: _entry("Ce type de document n'existe pas dans la nomenclature.", "VGM:FILING-PLAIN"),
    Refusal.FHIR_UNREADABLE: _entry("Ce n'est pas une ressource FHIR R4 que ce service connaît.", "FHIR R4 §2.6.2"),
    Refusal.FHIR_INCOMPLETE: _entry("Un élément obligatoire du profil PDSm manque.", "PDSm 3.1"),
    Refusal.FHIR_VALUE: _entry("La valeur d'un élément n'est pas admise par le profil PDSm.", "PDSm 3.1"),
    Refusal.FHIR_REFERENCE: _entry("Une référence ne désigne rien dans la requête ni dans ce service.", "PDSm 3.1"),
    Refusal.FHIR_UNSUPPORTED: _entry("Ce service ne fait pas cette opération.", "ITI-65"),
    Refusal.FHIR_ABSENT: _entry("Cette ressource n'existe pas.", "FHIR R4 §3.1.0.1"),
    Refusal.FHIR_PATCH: _entry("Cette modification ne s'applique pas à l'état de la fiche.", "PDSm flux 03"),
    Refusal.FHIR_FIXED: _entry(
        "Seuls la visibilité, l'archivage et la suppression d'une fiche peuvent être demandés.", "PDSm flux 04"
    ),
    Refusal.FHIR_VERSION: _entry("La fiche a changé depuis la version indiquée.", "FHIR R4 §3.1.0.5"),
    Refusal.FHIR_SEVERAL: _entry("Plusieurs fiches répondent à ces critères.", "FHIR R4 §3.1.0.8"),
    Refusal.FHIR_PARAMETER: _entry("Un paramètre de recherche manque ou n'est pas pris en charge.", "ITI-67"),
}
"""One entry for each refusal; a test checks that none is missing."""


class ExchangeError(ProtocolError):
    """An archive or a document is refused; `code` says why, the text never quotes it."""

    def __init__(self, code: Refusal) -> None:
        super().__init__(f"{code}: {REGISTER[code].source}")
        self.code = code
