"""Who may call the XDS services: every way in which an assertion can be wrong has its fault."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from lxml import etree

from dmp_bridge.services.trusted import TrustedSigners
from dmp_bridge.transport.signature import BadSignature, verify_enveloped
from tests.fictional.xds_client import XdsClient, packaged, read_answer
from tests.unit.dmp_bridge.xds_house import House
from tests.unit.dmp_bridge.xds_vectors import STORED_QUERY, UPDATE, query_body
from vaguemestre.app.pki import Authority

SAML = "{urn:oasis:names:tc:SAML:2.0:assertion}"
DS = "{http://www.w3.org/2000/09/xmldsig#}"


async def fault_of(house: House, assertion: etree._Element | None, client: XdsClient | None = None) -> list[str]:
    envelope = (client or house.client).envelope(STORED_QUERY, query_body(), assertion)
    answer = read_answer(await house.endpoint.answer("registry", *packaged(envelope, ())))
    assert (answer.status, answer.body.tag) == (400, "{http://www.w3.org/2003/05/soap-envelope}Fault")
    assert house.practice.history() == []
    return answer.fault


def signed(house: House, **claims: str) -> etree._Element:
    return house.client.sign(house.client.claims(**claims).assertion())


@pytest.mark.parametrize(
    ("claims", "subcode"),
    [
        ({"subject": "810000000000"}, "FailedAuthentication"),
        ({"role": "60"}, "FailedAuthentication"),
        ({"structure": "499900063480001"}, "FailedAuthentication"),
        ({"mode": "DIRECTE"}, "FailedAuthentication"),
        ({"mode": "AUTRE"}, "InvalidSecurityToken"),
        ({"purpose": "curiosite"}, "InvalidSecurityToken"),
        ({"resource": "urn:autre"}, "InvalidSecurityToken"),
        ({"patient": ""}, "InvalidSecurityToken"),
        ({"issuer": "CN=AUTRE,C=FR"}, "FailedAuthentication"),
        ({"issuer": "="}, "FailedAuthentication"),
        ({"issued": "hier"}, "InvalidSecurityToken"),
        ({"issued": "2026-11-23T11:54:59Z"}, "MessageExpired"),
        ({"issued": "2026-11-23T12:05:01Z"}, "MessageExpired"),
        ({"identifier": "_" + "a" * 128}, "FailedCheck"),
        (
            {"conditions": '<saml2:Conditions NotOnOrAfter="2026-11-23T12:00:00Z"/>'},
            "MessageExpired",
        ),
        (
            {"conditions": "<saml2:Conditions><saml2:AudienceRestriction><saml2:Audience>urn:autre</saml2:Audience>"
             "</saml2:AudienceRestriction></saml2:Conditions>"},
            "InvalidSecurityToken",
        ),
    ],
)  # fmt: skip
@pytest.mark.requirement("VGM:VIHF-01")
async def test_what_an_assertion_says_is_checked(house, claims: dict[str, str], subcode: str):
    assert await fault_of(house, signed(house, **claims)) == ["Sender", subcode]


def changed_text(assertion: etree._Element) -> None:
    name = assertion.find(f".//{SAML}NameID")
    assert name is not None
    name.text = "810101234567"


def second_reference(assertion: etree._Element) -> None:
    info = assertion.find(f"{DS}Signature/{DS}SignedInfo")
    assert info is not None
    info.append(etree.fromstring(etree.tostring(info[-1])))


def other_transform(assertion: etree._Element) -> None:
    transform = assertion.findall(f".//{DS}Transform")[1]
    transform.set("Algorithm", "http://www.w3.org/TR/1999/REC-xpath-19991116")


def weak_digest(assertion: etree._Element) -> None:
    method = assertion.find(f".//{DS}DigestMethod")
    assert method is not None
    method.set("Algorithm", "http://www.w3.org/2000/09/xmldsig#sha1")


def no_signature(assertion: etree._Element) -> None:
    assertion.remove(assertion[1])


def wrapped(assertion: etree._Element) -> None:
    """Keep what was signed inside, and say something else outside."""
    original = etree.fromstring(etree.tostring(assertion))
    assertion.append(original)
    assertion.remove(assertion[1])
    assertion.insert(1, original[1])
    changed_text(assertion)


@pytest.mark.parametrize(
    "spoil", [changed_text, second_reference, other_transform, weak_digest, no_signature, wrapped],
    ids=lambda each: each.__name__,
)  # fmt: skip
@pytest.mark.requirement("VGM:VIHF-01")
async def test_a_spoilt_signature_is_refused(house, spoil: Callable[[etree._Element], None]):
    assertion = signed(house)
    spoil(assertion)

    assert await fault_of(house, assertion) == ["Sender", "FailedCheck"]


@pytest.mark.requirement("VGM:VIHF-01")
async def test_an_assertion_serves_once(house):
    assertion = signed(house)
    envelope = house.client.envelope(STORED_QUERY, query_body(), assertion)

    first = read_answer(await house.endpoint.answer("registry", *packaged(envelope, ())))
    second = read_answer(await house.endpoint.answer("registry", *packaged(envelope, ())))

    assert (first.status, first.outcome) == (200, "Success")
    assert (second.status, second.fault) == (400, ["Sender", "FailedCheck"])


@pytest.mark.requirement("VGM:VIHF-01")
async def test_no_proof_is_no_answer(house):
    assert await fault_of(house, None) == ["Sender", "InvalidSecurity"]


@pytest.mark.requirement("VGM:VIHF-01")
async def test_a_stranger_s_certificate_opens_nothing(house):
    now = house.practice.clock.now()
    stranger = XdsClient(house.endpoint, Authority.create(now), now)

    assertion = stranger.sign(stranger.claims().assertion())

    assert await fault_of(house, assertion, stranger) == ["Sender", "FailedAuthentication"]


@pytest.mark.requirement("VGM:VIHF-01")
def test_a_certificate_is_trusted_while_it_is_valid_and_not_revoked(house, clock, tmp_path):
    authority = Authority.create(clock.now())
    client = XdsClient(house.endpoint, authority, clock.now())
    authority.save(tmp_path)
    before = TrustedSigners.load(tmp_path / "ca.pem", tmp_path)
    (tmp_path / "1.crl.pem").write_bytes(authority.revocation_list([client.certificate], clock.now()))
    after = TrustedSigners.load(tmp_path / "ca.pem", tmp_path)

    now = clock.now()
    assert before.trust(client.certificate, now)
    assert not after.trust(client.certificate, now)
    assert not before.trust(client.certificate, now + timedelta(days=2000))
    assert not before.trust(authority.certificate, now)


def test_a_comment_cannot_cut_a_value(house):
    assertion = signed(house)
    name = assertion.find(f".//{SAML}NameID")
    assert name is not None
    text, name.text = name.text or "", (name.text or "")[:5]
    comment = etree.Comment("x")
    comment.tail = text[5:]
    name.append(comment)

    verified = verify_enveloped(assertion)

    assert verified.element.findtext(f".//{SAML}NameID") == text


def test_what_is_not_signed_is_not_read(house):
    with pytest.raises(BadSignature):
        verify_enveloped(house.client.claims().assertion())


async def test_an_action_is_served_at_its_own_address(house):
    answer = await house.client.call("repository", STORED_QUERY, query_body())
    mismatch = await house.client.call("registry", UPDATE, query_body())

    assert answer.fault == mismatch.fault == ["Sender", "ActionNotSupported"]
