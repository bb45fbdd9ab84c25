"""The file that Thunderbird, K-9, Evolution and others look for. Source: Mozilla autoconfig, `config-v1.1.xml`."""

from lxml import etree

from smtp_gateway.setup.servers import MailServers, Server

ADDRESS = "%EMAILADDRESS%"


def client_config(servers: MailServers) -> bytes:
    """Write the file; it is the same for every mailbox."""
    root = etree.Element("clientConfig", version="1.1")
    provider = etree.SubElement(root, "emailProvider", id=servers.domains[0] if servers.domains else servers.host)
    for domain in servers.domains:
        _text(provider, "domain", domain)
    _text(provider, "displayName", servers.settings.display_name)
    _text(provider, "displayShortName", servers.settings.display_name)
    for server in servers.servers:
        _server(provider, server)
    return etree.tostring(root, xml_declaration=True, encoding="UTF-8", pretty_print=True)


def _server(provider: etree._Element, server: Server) -> None:
    name, kind = ("incomingServer", "imap") if server.incoming else ("outgoingServer", "smtp")
    element = etree.SubElement(provider, name, type=kind)
    _text(element, "hostname", server.host)
    _text(element, "port", str(server.port))
    _text(element, "socketType", "SSL" if server.implicit_tls else "STARTTLS")
    _text(element, "authentication", "password-cleartext")
    _text(element, "username", ADDRESS)


def _text(parent: etree._Element, name: str, text: str) -> None:
    etree.SubElement(parent, name).text = text
