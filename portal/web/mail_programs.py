"""What mail programs ask before they sign in: autoconfig, autodiscover, the Apple profile, the MTA-STS policy.

Open to anybody and the same for every mailbox of a domain: an answer never tells whether a mailbox exists.
The forms themselves are in `smtp_gateway.setup`.
"""

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from portal.context import services_of
from portal.problems import Absent
from portal.services import MailSetup
from smtp_gateway.commands import is_mailbox
from smtp_gateway.setup.apple import profile
from smtp_gateway.setup.mta_sts import policy
from smtp_gateway.setup.outlook import MAX_BYTES, autodiscover
from smtp_gateway.setup.thunderbird import client_config
from vaguemestre.kernel.errors import ProtocolError

router = APIRouter(include_in_schema=False)
XML = "application/xml; charset=utf-8"
POX_PATHS = ("/autodiscover/autodiscover.xml", "/Autodiscover/Autodiscover.xml", "/AutoDiscover/AutoDiscover.xml")
JSON_PATHS = ("/autodiscover/autodiscover.json", "/Autodiscover/Autodiscover.json")
POX_PROTOCOL = "AutodiscoverV1"


def _setup(request: Request) -> MailSetup:
    found = services_of(request).mail_setup
    if found is None:
        raise Absent("portal: no mail programs here")
    return found


@router.get("/.well-known/autoconfig/mail/config-v1.1.xml")
@router.get("/mail/config-v1.1.xml")
async def show_autoconfig(request: Request) -> Response:
    """Serve Thunderbird's file; a domain that is not ours has none."""
    servers = _setup(request).servers
    address = request.query_params.get("emailaddress", "")
    if address and not servers.serves(address):
        raise Absent("portal: not a domain of mail programs")
    return Response(client_config(servers), media_type=XML)


async def answer_autodiscover(request: Request) -> Response:
    """Answer Outlook's request in XML."""
    setup = _setup(request)
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > MAX_BYTES:
            raise ProtocolError("autodiscover: request too large")
    return Response(autodiscover(setup.servers, bytes(body), services_of(request).clock.now()), media_type=XML)


async def show_autodiscover_v2(request: Request) -> Response:
    """Tell Outlook for mobile where the request in XML goes."""
    _setup(request)
    if request.query_params.get("Protocol", "").lower() != POX_PROTOCOL.lower():
        refusal = {"ErrorCode": "InvalidProtocol", "ErrorMessage": f"The supported protocol is {POX_PROTOCOL}."}
        return JSONResponse(refusal, 400)
    return JSONResponse({"Protocol": POX_PROTOCOL, "Url": str(request.base_url.replace(path=POX_PATHS[0]))})


for path in POX_PATHS:
    router.add_api_route(path, answer_autodiscover, methods=["POST"])
for path in JSON_PATHS:
    router.add_api_route(path, show_autodiscover_v2)
    router.add_api_route(path + "/v1.0/{email}", show_autodiscover_v2)


@router.get("/mail/profil.mobileconfig")
async def show_apple_profile(request: Request) -> Response:
    """Serve the signed profile of one mailbox of ours."""
    setup = _setup(request)
    address = request.query_params.get("emailaddress", "").strip()
    if not (address.isascii() and is_mailbox(address) and setup.servers.serves(address)):
        raise Absent("portal: not an address of mail programs")
    return Response(
        setup.sign_profile(profile(setup.servers, address.lower())),
        media_type="application/x-apple-aspen-config",
        headers={"Content-Disposition": 'attachment; filename="messagerie.mobileconfig"'},
    )


@router.get("/.well-known/mta-sts.txt")
async def show_mta_sts(request: Request) -> Response:
    """Serve the policy, under whatever name of ours it is asked (`mta-sts.DOMAIN`)."""
    return Response(policy(_setup(request).servers), media_type="text/plain; charset=us-ascii")
