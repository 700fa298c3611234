"""The commands that make a machine a node, ready to paste (node protocol 1)."""

from __future__ import annotations

import json
import re
import shlex
from urllib.parse import urlsplit

import msgspec

CA_FOR_NODES = "/etc/stateward/ca.pem"
PROGRAM = "/opt/stateward/stateward-agent.pyz"
SETTINGS = "/etc/default/stateward-agent"


class Joining(msgspec.Struct, frozen=True):
    """What the commands are made of; `ca_pem` is None where nodes trust the server's certificate anyway."""

    endpoint: str
    region: str
    activation_id: str
    activation_code: str
    ca_pem: str | None
    wheel: str
    zipapp: str
    zipapp_for: tuple[str, str]

    @property
    def is_secure(self) -> bool:
        return urlsplit(self.endpoint).scheme == "https"

    @property
    def is_in_clear(self) -> bool:
        """Whether nodes would cross a network without TLS."""
        host = urlsplit(self.endpoint).hostname or ""
        return not self.is_secure and host not in ("localhost", "::1") and not host.startswith("127.")

    @property
    def python(self) -> str:
        """The Python that the zip-app is for: `cpython-311` is python3.11."""
        found = re.fullmatch(r"cpython-3(\d+)", self.zipapp_for[0])
        return f"python3.{found[1]}" if found else "python3"


def built_in_agent(joining: Joining) -> str:
    """Stateward's own agent on Linux, as root."""
    lines = [
        f"# Stateward's agent: a Linux machine with {joining.python} ({joining.zipapp_for[1]}), as root",
        *_trust_file(joining),
        f"mkdir -p {PROGRAM.rpartition('/')[0]}",
        f"curl -fsS {_curl_ca(joining)}-o {PROGRAM} {_url(joining, joining.zipapp)}",
        *_register(joining, f"{joining.python} {PROGRAM}"),
        *(
            [f"grep -qs SSL_CERT_FILE {SETTINGS} || echo SSL_CERT_FILE={CA_FOR_NODES} >> {SETTINGS}"]
            if joining.ca_pem
            else []
        ),
        f"{joining.python} {PROGRAM} agent install",
        "systemctl daemon-reload && systemctl enable --now stateward-agent",
        "",
        "# On another system or Python: the same from a wheel, with its dependencies from your package index.",
        f"#   curl -fsSO {_curl_ca(joining)}{_url(joining, joining.wheel)}",
        f"#   python3 -m venv /opt/stateward && /opt/stateward/bin/pip install ./{joining.wheel}",
        f"# and /opt/stateward/bin/stateward in place of {joining.python} {PROGRAM}.",
    ]
    return "\n".join(lines) + "\n"


def official_agent_linux(joining: Joining) -> str:
    """amazon-ssm-agent on Linux, as root; unmodified but for its configuration file."""
    folder = "/etc/amazon/ssm"
    lines = [
        "# amazon-ssm-agent on Linux, as root",
        *_only_over_tls(joining, "#"),
        *_trust_file(joining),
        *_trust_system(joining),
        f"mkdir -p {folder}",
        f"cat > {folder}/amazon-ssm-agent.json <<'EOF'",
        official_configuration(joining),
        "EOF",
        f"amazon-ssm-agent -register -y -code {joining.activation_code} -id {joining.activation_id} "
        f"-region {shlex.quote(joining.region)}",
        "systemctl restart amazon-ssm-agent",
    ]
    return "\n".join(lines) + "\n"


def official_agent_windows(joining: Joining) -> str:
    """amazon-ssm-agent on Windows, in PowerShell as an administrator."""
    folder = '"$env:ProgramFiles\\Amazon\\SSM'
    trust = []
    if joining.ca_pem:
        file = '"$env:TEMP\\stateward-ca.cer"'
        trust = [
            "@'",
            joining.ca_pem.strip(),
            f"'@ | Set-Content -Encoding ascii {file}",
            f"Import-Certificate -FilePath {file} -CertStoreLocation Cert:\\LocalMachine\\Root",
        ]
    lines = [
        "# amazon-ssm-agent on Windows, in PowerShell as an administrator",
        *_only_over_tls(joining, "#"),
        *trust,
        "@'",
        official_configuration(joining),
        f"'@ | Set-Content -Encoding ascii {folder}\\amazon-ssm-agent.json\"",
        f'& {folder}\\amazon-ssm-agent.exe" -register -y -code {joining.activation_code} '
        f"-id {joining.activation_id} -region {joining.region}",
        "Restart-Service AmazonSSMAgent",
    ]
    return "\n".join(lines) + "\n"


def official_configuration(joining: Joining) -> str:
    """The official agent's amazon-ssm-agent.json (node protocol 1.2)."""
    endpoint = {"Endpoint": joining.endpoint}
    keys = {
        "Identity": {"ConsumptionOrder": ["OnPrem"]},
        "Ssm": endpoint,
        "Mds": endpoint,
        "Mgs": {**endpoint, "Region": joining.region},
    }
    return json.dumps(keys, indent=2)


def _trust_file(joining: Joining) -> list[str]:
    if not joining.ca_pem:
        return []
    return [
        f"mkdir -p {CA_FOR_NODES.rpartition('/')[0]}",
        f"cat > {CA_FOR_NODES} <<'EOF'",
        joining.ca_pem.strip(),
        "EOF",
    ]


def _trust_system(joining: Joining) -> list[str]:
    if not joining.ca_pem:
        return []
    debian, fedora = "/usr/local/share/ca-certificates", "/etc/pki/ca-trust/source/anchors"
    return [
        "if command -v update-ca-certificates > /dev/null; then",
        f"  cp {CA_FOR_NODES} {debian}/stateward.crt && update-ca-certificates",
        "else",
        f"  cp {CA_FOR_NODES} {fedora}/stateward.pem && update-ca-trust",
        "fi",
    ]


def _register(joining: Joining, program: str) -> list[str]:
    # The code goes through the environment: arguments are seen by every user of a machine.
    insecure = " --insecure" if joining.is_in_clear else ""
    trust = f"SSL_CERT_FILE={CA_FOR_NODES} " if joining.ca_pem else ""
    return [
        f"{trust}STATEWARD_ACTIVATION_CODE={joining.activation_code} {program} agent register \\",
        f"  --endpoint {shlex.quote(joining.endpoint)} --activation-id {joining.activation_id} "
        f"--region {shlex.quote(joining.region)}{insecure}",
    ]


def _only_over_tls(joining: Joining, comment: str) -> list[str]:
    if joining.is_secure:
        return []
    return [f"{comment} Its control channel takes https only: serve with TLS, else commands reach it by slow polls."]


def _curl_ca(joining: Joining) -> str:
    return f"--cacert {CA_FOR_NODES} " if joining.ca_pem else ""


def _url(joining: Joining, name: str) -> str:
    return shlex.quote(f"{joining.endpoint}/agent/{name}")
