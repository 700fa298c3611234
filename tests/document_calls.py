"""What tests of documents share: a content, a second account, and what errors say."""

import json

SCRIPT = {"action": "aws:runShellScript", "name": "only", "inputs": {"runCommand": ["true"]}}
MINIMAL = {"schemaVersion": "2.2", "mainSteps": [SCRIPT]}
OTHER_ACCOUNT = "999999999999"
SECRET = "another-secret-that-no-log-may-show-012345"
UNKNOWN_VERSION = ("InvalidDocumentVersion", "The document version is not valid or does not exist.")


def no_document(name):
    return "InvalidDocument", f"Document with name {name} does not exist."


def text_of(number):
    """The text of a document that differs from every other number's."""
    return json.dumps({**MINIMAL, "description": f"Text {number}."})


def client_of(server, account_id, **settings):
    """A client of another account's administrator."""
    from stateward.access import store

    key_id = f"AKIATEST{account_id}"
    sealed = server.thread_server.master.seal("access-key", SECRET.encode())

    async def work(tx):
        await store.put_access_key(tx, key_id, account_id, "administrator", sealed, tx.now)

    server.writing(work)
    return server.client(key_id, SECRET, **settings)


def arn(name, account_id="123456789012", region="us-east-1"):
    return f"arn:aws:ssm:{region}:{account_id}:document/{name}"
