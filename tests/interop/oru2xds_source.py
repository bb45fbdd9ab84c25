"""Start oru2xds, another maker's document source, in a process of its own: `oru2xds_source.py REPOSITORY_URL PORT`.

The program (GPL-3.0, never imported by ours) is set up by editing its configuration; this does what a site would: the
address of the repository, the identity domain, the port, and that a document's number in the metadata is that of its
CDA. Two faults of the release are gone round: it imports a name of sympy that it does not use, and it states the hash
of a text whose line ends it then changes, so that its CDA is given none.
"""

import sys
import types
from importlib.util import find_spec

INS_DOMAIN = "1.2.250.1.213.1.4.10"


def main(url: str, port: int) -> None:
    """Serve HL7 v2 on PORT, sending what comes to URL."""
    folder = find_spec("oru2xds").submodule_search_locations[0]  # type: ignore[union-attr, index]
    sys.path.insert(0, folder)
    sympy = types.ModuleType("sympy")
    sympy.false = False  # type: ignore[attr-defined]
    sys.modules["sympy"] = sympy
    import config  # type: ignore[import-not-found]
    import hl7_v2x_receiver  # type: ignore[import-not-found]  # isort: skip - the others need it to be first
    import hl7_cda  # type: ignore[import-not-found]
    import ihe_xds  # type: ignore[import-not-found]

    config.SERVICE_URL, config.HL7_LISTENER_PORT = url, port
    config.AFFINITY_DOMAIN_ASSIGNING_AUTHORITY_OID = INS_DOMAIN
    fill, build = ihe_xds.IheXds.fill_xds_metadata, hl7_cda.HL7CdaBuilder.build_cda

    def filled(self, message):
        fill(self, message)
        self.m_DocumentEntry_uniqueId["value"] = f"1.3.6.1.4.1.55196.1.1.2.5^{message['MSH.F10']}"

    def on_one_line(self, message, content_id):
        return "".join(each.strip() for each in build(self, message, content_id).splitlines())

    ihe_xds.IheXds.fill_xds_metadata = filled
    hl7_cda.HL7CdaBuilder.build_cda = on_one_line
    hl7_v2x_receiver.Hl7v2x().start_service()


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
