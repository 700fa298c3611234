"""A TLS handshake without sockets: what a client that trusts a CA makes of a server."""

import ssl


def shake_hands(server_context, ca_pem, name):
    """The certificate that a client sees under a name, in DER. Raises what the client raises."""
    client_context = ssl.create_default_context(cadata=ca_pem.decode())
    to_server, to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
    client = client_context.wrap_bio(to_client, to_server, server_hostname=name)
    server = server_context.wrap_bio(to_server, to_client, server_side=True)
    waiting = [client, server]
    while waiting:
        for side in list(waiting):
            try:
                side.do_handshake()
                waiting.remove(side)
            except ssl.SSLWantReadError:
                continue
    return client.getpeercert(binary_form=True)
