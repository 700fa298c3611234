"""Somebody who uses the console without a browser: reads pages, sends their forms."""

import html
import re
from urllib.parse import urljoin

import httpx

from live_server import KEY_ID, REGION, SECRET

INPUT = re.compile(r'<input type="hidden" name="([^"]+)" value="([^"]*)">')
PRESENT = []
"""The connections that a test has opened."""
BASE = f"/console/{REGION}"


class Person:
    """A cookie jar, and the origin that a browser would say."""

    def __init__(self, server, address=None):
        self.url = server.url if address is None else address
        self.http = httpx.Client(base_url=self.url, follow_redirects=False, timeout=30)
        PRESENT.append(self.http)

    def sign_in(self, key_id=KEY_ID, secret=SECRET, **fields):
        return self.send("/console/sign-in", {"key": key_id, "secret": secret, **fields})

    def get(self, path, **headers):
        return self.http.get(path if path.startswith("/console") else BASE + path, headers=headers)

    def page(self, path):
        """The text of a page that is there."""
        answer = self.get(path)
        assert answer.status_code == 200, (path, answer.status_code, answer.text[:2000])
        return answer.text

    def send(self, path, fields, origin=None):
        """A form as it is, with the origin of this site unless told otherwise; "" leaves it out."""
        headers = {"origin": self.url if origin is None else origin}
        return self.http.post(path, data=fields, headers={name: value for name, value in headers.items() if value})

    def fill_in(self, path, target=None, **fields):
        """Open a form's page, and send it with its hidden fields; the answer to the POST."""
        text = self.page(path)
        hidden = {name: html.unescape(value) for name, value in INPUT.findall(text)}
        address = path if path.startswith("/console") else BASE + path
        return self.send(urljoin(address, target) if target else address, {**hidden, **fields})


def signed_in(server, **key):
    person = Person(server)
    answer = person.sign_in(**key)
    assert answer.status_code == 303, answer.text
    return person
