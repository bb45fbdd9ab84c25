"""The web spaces: each with its own addresses, menu and session cookie, so that no session opens two of them."""

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True, kw_only=True)
class Space:
    """One web space.

    Attributes:
        title: heading of its sign-in page.
        login_label: what its people sign in with; `login_hint` helps with its form.
        cookie: name of its session cookie; the other spaces do not look at it.
        links: address and label of its menu.
    """

    title: str
    login_label: str
    login_hint: str
    home: str
    sign_in: str
    sign_out: str
    cookie: str
    links: tuple[tuple[str, str], ...]


PATIENT: Final = Space(
    title="Connexion à votre espace patient",
    login_label="Numéro de sécurité sociale ou adresse de messagerie",
    login_hint="15 chiffres, avec ou sans espaces.",
    home="/",
    sign_in="/connexion",
    sign_out="/deconnexion",
    cookie="__Host-session",
    links=(
        ("/", "Accueil"),
        ("/messages", "Messages"),
        ("/documents", "Documents"),
        ("/professionnels", "Professionnels"),
        ("/historique", "Historique des accès"),
        ("/profil", "Profil"),
        ("/parametres", "Paramètres"),
    ),
)
PROFESSIONAL: Final = Space(
    title="Connexion à l'espace professionnel",
    login_label="Adresse de messagerie MSSanté",
    login_hint="Par exemple : prenom.nom@etablissement.mssante.fr.",
    home="/pro/",
    sign_in="/pro/connexion",
    sign_out="/pro/deconnexion",
    cookie="__Host-pro-session",
    links=(
        ("/pro/", "Accueil"),
        ("/pro/envois", "Messages envoyés"),
        ("/pro/patients/documents", "Documents d'un patient"),
        ("/pro/historique", "Mes actes"),
        ("/pro/patients/historique", "Historique d'un patient"),
    ),
)


def space_of(path: str) -> Space:
    """Return the space that an address belongs to."""
    return PROFESSIONAL if path == "/pro" or path.startswith("/pro/") else PATIENT
