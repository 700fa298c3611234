"""Who comes into the console, for how long, and with which forms."""

import httpx
import pytest
from console_people import BASE, Person, signed_in

from live_server import KEY_ID, REGION, SECRET
from stateward.access import store
from stateward.access.sealing import MasterKey
from stateward.console.attempts import Attempts
from stateward.console.session import IDLE_MS, LONGEST_MS, Sessions

POLICY = {
    "default-src 'none'",
    "base-uri 'none'",
    "frame-ancestors 'none'",
    "script-src 'self'",
    "style-src 'self'",
    "img-src 'self'",
    "connect-src 'self'",
    "form-action 'self'",
}


@pytest.fixture
def person(server):
    return signed_in(server)


def test_a_page_asks_for_a_key_and_then_comes_back(server):
    person = Person(server)
    answer = person.get("/settings?x=1")
    assert answer.status_code == 303
    assert answer.headers["location"] == f"/console/sign-in?next=%2Fconsole%2F{REGION}%2Fsettings%3Fx%3D1"
    back = person.sign_in(next=f"{BASE}/settings?x=1")
    assert (back.status_code, back.headers["location"]) == (303, f"{BASE}/settings?x=1")
    assert "<h1>Settings" in person.page("/settings?x=1")


def test_the_cookie_is_sealed_and_holds_no_secret(person):
    cookie = next(cookie for cookie in person.http.cookies.jar if cookie.name == "stateward-session")
    assert cookie.path == "/console"
    assert cookie.has_nonstandard_attr("HttpOnly")
    assert cookie.get_nonstandard_attr("SameSite").lower() == "strict"
    assert not cookie.secure, "this connection has no TLS"
    assert SECRET not in cookie.value
    assert KEY_ID not in cookie.value


def test_the_cookie_is_secure_over_tls(server):
    answer = httpx.post(
        f"{server.url}/console/sign-in",
        data={"key": KEY_ID, "secret": SECRET},
        headers={"origin": server.url, "x-forwarded-proto": "https"},
    )
    assert "; Secure" in answer.headers["set-cookie"]


@pytest.mark.parametrize(
    "wanted",
    ["https://evil.example/", "//evil.example", "/console//evil.example", "/console/\\evil", "/x", "/console/sign-in"],
)
def test_the_way_back_leads_into_this_console_only(server, wanted):
    assert Person(server).sign_in(next=wanted).headers["location"] == f"{BASE}/"


def test_a_wrong_secret_is_refused_as_an_unknown_key_is(server):
    wrong, unknown = Person(server).sign_in(secret="wrong"), Person(server).sign_in(key_id="AKIANOBODY")
    assert wrong.status_code == unknown.status_code == 403
    assert "The access key or its secret is wrong." in wrong.text
    assert "The access key or its secret is wrong." in unknown.text


def test_the_sixth_try_within_a_minute_waits(server):
    person = Person(server)
    assert [person.sign_in(secret="wrong").status_code for _ in range(5)] == [403] * 5
    late = person.sign_in()
    assert late.status_code == 429, "even with the right secret"
    assert 0 < int(late.headers["retry-after"]) <= 60
    assert Person(server).sign_in(key_id="AKIAANOTHER").status_code == 403


def test_tries_are_counted_per_key_and_address_for_a_minute():
    attempts = Attempts()
    assert [attempts.wait_s("key", "1.1.1.1", 1000 * n) for n in range(6)] == [0, 0, 0, 0, 0, 55]
    assert attempts.wait_s("key", "2.2.2.2", 5000) == 0
    assert attempts.wait_s("key", "1.1.1.1", 60_000) == 0
    attempts.forget("key", "1.1.1.1")
    assert [attempts.wait_s("key", "1.1.1.1", 60_001) for _ in range(6)] == [0, 0, 0, 0, 0, 60]


def test_a_session_ends_after_twelve_hours_or_an_hour_of_idleness():
    sessions = Sessions(MasterKey.fresh())
    session = sessions.begin("key", "secret", 0)
    assert sessions.open(sessions.seal(session), IDLE_MS - 1) == session
    assert sessions.open(sessions.seal(session), IDLE_MS) is None
    busy = session.seen(LONGEST_MS - 1)
    assert sessions.open(sessions.seal(busy), LONGEST_MS - 1) == busy
    assert sessions.open(sessions.seal(busy), LONGEST_MS) is None
    assert sessions.open("nonsense", 0) is None
    assert Sessions(MasterKey.fresh()).open(sessions.seal(session), 0) is None


def test_a_revoked_key_ends_its_session_at_once(server, person):
    person.page("/settings")
    server.writing(lambda tx: store.revoke_access_key(tx, KEY_ID))
    assert person.get("/settings").status_code == 303
    assert person.send(f"{BASE}/settings", {}).status_code in (303, 403)


def test_a_key_with_another_secret_ends_its_sessions(server, person):
    master = server.thread_server.master

    async def change(tx):
        await store.put_access_key(
            tx, KEY_ID, "123456789012", "administrator", master.seal("access-key", b"another"), 0
        )

    server.writing(change)
    assert person.get("/settings").status_code == 303


def test_signing_out_needs_the_form_of_the_session(person):
    assert person.send("/console/sign-out", {"csrf": "wrong"}).status_code == 403
    assert person.fill_in("/settings", target="/console/sign-out").status_code == 303
    assert person.get("/settings").status_code == 303


@pytest.mark.parametrize("origin", ["", "http://evil.example", "null"])
def test_a_form_comes_from_this_origin(person, origin):
    answer = person.send(f"{BASE}/settings", {"theme": "dark", "zone": "UTC"}, origin=origin)
    assert answer.status_code == 403
    assert "AccessDeniedException" in answer.text


def test_a_form_carries_the_sessions_token(person):
    answer = person.send(f"{BASE}/settings", {"theme": "dark", "zone": "UTC"})
    assert answer.status_code == 403
    assert "another session" in answer.text
    assert person.fill_in("/settings", theme="dark", zone="UTC").status_code == 303


def test_a_form_is_no_json(person):
    answer = person.http.post(f"{BASE}/settings", json={}, headers={"origin": person.url})
    assert answer.status_code == 415


def test_a_foreign_host_is_refused(server):
    answer = httpx.get(f"{server.url}/console/sign-in", headers={"host": "evil.example"})
    assert answer.status_code == 403


@pytest.mark.parametrize("path", ["/settings", "/nowhere", "/console/sign-in", "/console", "/console/us_1/"])
def test_every_answer_has_the_policy(person, path):
    answer = person.get(path)
    assert set(answer.headers["content-security-policy"].split("; ")) == POLICY
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["cache-control"] == "no-store"


def test_console_leads_to_the_overview_of_the_servers_region(person):
    assert person.get("/console").headers["location"] == f"{BASE}/"
    assert person.get("/console/eu-west-1").headers["location"] == "/console/eu-west-1/"
    assert person.get("/console/n/mi-1").headers["location"] == f"{BASE}/nodes/mi-1"


def test_a_page_that_is_not_there_says_so(person):
    answer = person.get("/nowhere")
    assert answer.status_code == 404
    assert "There is no page at /console/us-east-1/nowhere." in answer.text


def test_an_open_server_warns_and_asks_for_no_key(start_server):
    server = start_server(auth="open")
    person = Person(server)
    assert "whoever reaches this port is administrator" in person.page("/settings")
    assert person.get("/console/sign-in").status_code == 303
    assert person.send(f"{BASE}/settings", {"theme": "dark", "zone": "UTC"}).status_code == 403
    assert person.fill_in("/settings", theme="dark", zone="UTC").status_code == 303


def test_a_link_from_another_site_finds_the_session(server):
    answer = Person(server).get("/settings", **{"sec-fetch-site": "cross-site"})
    assert answer.status_code == 200
    assert 'http-equiv="refresh"' in answer.text, "the browser comes again by itself, then with its cookie"


def test_the_secret_travels_over_tls_or_loopback_only(server, monkeypatch):
    monkeypatch.setattr("stateward.api.requests.source_of", lambda scope: "192.0.2.1")
    answer = Person(server).sign_in()
    assert answer.status_code == 403
    assert "works over TLS or from the server" in answer.text
