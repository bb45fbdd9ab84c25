"""Start oru2xds, another maker's document source, in a process of its own: `oru2xds_source.py URL PORT [as-released]`.

The program (GPL-3.0, never imported by ours) is set up by editing its configuration; this does what a site would: the
address of the repository, the identity domain, the port. It imports a name of sympy that it does not use; that module
is given empty.

`as-released` stops there, and what it sends is refused: the uniqueId of its metadata is a fresh UUID, while its CDA has
an id of its own (`hl7_cda.py`, `fill_cda_metadata`; `ihe_xds.py`, `fill_xds_metadata`). The French record wants them
equal (CI-SIS volet Partage; dmp.md §2.2), as IHE does of a CDA (PCC TF-2 §4.1.1, XDSDocumentEntry.uniqueId): otherwise
one document could be filed under any number of names. So the metadata are given the id of the CDA, and nothing else is
changed.
"""

import sys
import types
from importlib.util import find_spec

INS_DOMAIN = "1.2.250.1.213.1.4.10"


def main(url: str, port: int, *, as_released: bool) -> None:
    """Serve HL7 v2 on PORT, sending what comes to URL."""
    folder = find_spec("oru2xds").submodule_search_locations[0]  # type: ignore[union-attr, index]
    sys.path.insert(0, folder)
    sympy = types.ModuleType("sympy")
    sympy.false = False  # type: ignore[attr-defined]
    sys.modules["sympy"] = sympy
    import config  # type: ignore[import-not-found]
    import hl7_v2x_receiver  # type: ignore[import-not-found]  # isort: skip - the others need it to be first
    import ihe_xds  # type: ignore[import-not-found]

    config.SERVICE_URL, config.HL7_LISTENER_PORT = url, port
    config.AFFINITY_DOMAIN_ASSIGNING_AUTHORITY_OID = INS_DOMAIN
    fill = ihe_xds.IheXds.fill_xds_metadata

    def filled(self, message):
        fill(self, message)
        self.m_DocumentEntry_uniqueId["value"] = f"1.3.6.1.4.1.55196.1.1.2.5^{message['MSH.F10']}"

    if not as_released:
        ihe_xds.IheXds.fill_xds_metadata = filled
    hl7_v2x_receiver.Hl7v2x().start_service()


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), as_released="as-released" in sys.argv)
