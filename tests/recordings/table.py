"""Every recording once: how it is played, and what must come of it; or why nothing of it can be.

`python tests/recordings/table.py` counts.
"""

from outcomes import BY_CHANNEL, PROXIED, Outcome

SUCCESS, FAILED, CANCELLED = ("Success", "Success"), ("Failed", "Failed"), ("Cancelled", "Cancelled")
TIMED_OUT, IN_PROGRESS = ("TimedOut", "ExecutionTimedOut"), ("InProgress", "InProgress")
X_DONE = (SUCCESS, [("x", "Success", 0)])

# Written by hand from node protocol 5.6, 5.7 and spec 4.3: status, details, each step's details and exit code.
# Played over the control channel and over ec2messages, in every order, lost and doubled.
ENDS = {
    "command-one-step": (SUCCESS, [("runShellScript", "Success", 0)]),
    "command-three-steps": (SUCCESS, [("first", "Success", 0), ("second", "Success", 0), ("third", "Success", 0)]),
    "command-failing-step-goes-on": (
        FAILED,
        [("first", "Success", 0), ("second", "Failed", 3), ("third", "Success", 0)],
    ),
    "command-schema-1.2": (SUCCESS, [("aws:runShellScript", "Success", 0)]),
    "command-schema-1.2-two-properties": (SUCCESS, [("aws:runShellScript", "Success", 0)]),
    "command-schema-2.0": X_DONE,
    "command-no-output": X_DONE,
    "command-unicode": X_DONE,
    "command-binary-output": X_DONE,
    "command-long-output": X_DONE,
    "command-long-output-two-steps": (SUCCESS, [("a", "Success", 0), ("b", "Success", 0)]),
    "command-long-multibyte-output": X_DONE,
    "command-long-error": (FAILED, [("x", "Failed", 1)]),
    "command-exit-127": (FAILED, [("x", "Failed", 127)]),
    "command-exit-168": (SUCCESS, [("first", "Success", 168), ("second", "Skipped", 0)]),
    "command-exit-169": (FAILED, [("first", "Failed", 169), ("second", "Skipped", 0)]),
    "command-killed-by-signal": (TIMED_OUT, [("x", "ExecutionTimedOut", 137)]),
    "command-step-timeout": (TIMED_OUT, [("slow", "ExecutionTimedOut", 137), ("second", "Success", 0)]),
    "command-onfailure-exit": (
        FAILED,
        [("fails", "Failed", 5), ("not-reached", "Skipped", 0), ("cleanup", "Success", 0)],
    ),
    "command-onfailure-outside-inputs": (FAILED, [("fails", "Failed", 5), ("second", "Success", 0)]),
    "command-onfailure-success-and-exit": (SUCCESS, [("fails", "Success", 168), ("not-reached", "Skipped", 0)]),
    "command-onsuccess-exit": (
        SUCCESS,
        [("first", "Success", 0), ("not-reached", "Skipped", 0), ("last", "Success", 0)],
    ),
    "command-precondition-parameter": (SUCCESS, [("yes", "Success", 0), ("no", "Skipped", 0)]),
    "command-precondition-skip": (SUCCESS, [("windows", "Skipped", 0), ("linux", "Success", 0)]),
    "command-unknown-plugin": (FAILED, [("x", "Failed", 1), ("b", "Success", 0)]),
    "command-windows-only-plugin": (SUCCESS, [("app", "Skipped", 0), ("b", "Success", 0)]),
    "command-working-directory-missing": (FAILED, [("runShellScript", "Failed", 1)]),
    "command-environment": (SUCCESS, [("env", "Success", 0)]),
    "command-wrong-platform-plugin": (FAILED, [("ps", "Failed", 1)]),
    "parameters-special-characters": X_DONE,
    "parameters-in-inputs": X_DONE,
    "parameters-list-as-element": (FAILED, [("x", "Failed", 1)]),
    "parameters-ssm-secure-syntax": X_DONE,
    "plugin-configurepackage": (FAILED, [("pkg", "Failed", 1)]),
    "plugin-configurepackage-uninstall": (FAILED, [("pkg", "Failed", 1)]),
    "plugin-downloadcontent-bad-source": (FAILED, [("get", "Failed", 1), ("b", "Success", 0)]),
    "plugin-downloadcontent-http": (SUCCESS, [("get", "Success", 0), ("run", "Success", 0)]),
    "plugin-downloadcontent-s3": (SUCCESS, [("get", "Success", 0), ("run", "Success", 0)]),
    "plugin-downloadcontent-s3-endpoint-with-scheme": (FAILED, [("get", "Failed", 1), ("run", "Failed", 2)]),
    "plugin-downloadcontent-s3-own-host": (FAILED, [("get", "Failed", 1), ("run", "Failed", 2)]),
    "plugin-downloadcontent-s3-virtual-host": (SUCCESS, [("get", "Success", 0), ("run", "Success", 0)]),
    "plugin-downloadcontent-ssmdocument": (SUCCESS, [("get", "Success", 0), ("run", "Success", 0)]),
    "plugin-rundocument-missing": (FAILED, [("inner", "Failed", 1), ("b", "Success", 0)]),
    "plugin-rundocument-parameters-as-text": (SUCCESS, [("inner", "Success", 0)]),
    "plugin-rundocument-ssm": (SUCCESS, [("inner", "Success", 0)]),
    "plugin-rundocument-two-steps": (FAILED, [("inner", "Failed", 1)]),
    "plugin-software-inventory-by-command": (FAILED, [("collect", "Failed", 1)]),
    "reboot-command": (SUCCESS, [("before", "Success", 0), ("after", "Success", 0)]),
    "cancel-running": (CANCELLED, [("runShellScript", "Cancelled", 137)]),
    "cancel-between-steps": (
        CANCELLED,
        [("first", "Cancelled", 137), ("second", "Cancelled", 1), ("third", "Cancelled", 1)],
    ),
    "cancel-background-child": (CANCELLED, [("x", "Cancelled", 137)]),
    "cancel-background-child-after": X_DONE,
    "odd-second-socket": (SUCCESS, [("runShellScript", "Success", 0)]),
}
# Refused by the node: the job of another document is sent, the answers are the recorded ones.
REFUSED = ("command-bad-schema", "command-no-steps", "command-schema-0.3")
# Their course depends on time and connections: played as recorded only, over the control channel.
COURSES = {
    "cancel-finished": (SUCCESS, [("runShellScript", "Success", 0)]),
    "duplicate-while-running": X_DONE,
    "duplicate-after-end": X_DONE,
    "duplicate-after-agent-restart": X_DONE,
    "duplicate-after-31-minutes": X_DONE,
    "duplicate-simultaneous": X_DONE,
    # Known there, and its end comes later than the recording's.
    "duplicate-killed-while-running-then-resent": (IN_PROGRESS, []),
    "lost-ack-connection-drops-after-job": (IN_PROGRESS, []),
    "lost-connection-during-command": X_DONE,
    "lost-reply-acks": (FAILED, [("first", "Success", 0), ("second", "Failed", 3)]),
    "lost-reply-acks-across-restart": (SUCCESS, [("runShellScript", "Success", 0)]),
    "lost-reply-acks-late": (SUCCESS, [("runShellScript", "Success", 0)]),
    "agent-kill-during-command": (FAILED, [("slow", "Failed", 1)]),
    "agent-stop-during-command": (SUCCESS, [("slow", "Success", 0), ("second", "Success", 0)]),
    "server-restart-during-command": (SUCCESS, [("slow", "Success", 0), ("second", "Success", 0)]),
}
# Several commands at once, over the control channel: how each ends, in the order of their sending.
CROWDS = {
    "mgs-command-too-early": [X_DONE] * 12,
    # The first runs and is cancelled; of the five that wait one is cancelled, which no node ever answers; the last
    # two did not fit in and are offered again.
    "cancel-queued-and-full": [
        (CANCELLED, [("x", "Cancelled", 137)]),
        *[X_DONE] * 7,
        (("Cancelling", "Cancelling"), []),
        X_DONE,
        *[(("Pending", "Pending"), [])] * 2,
    ],
}
# In tests of their own: `test_replayed_commands.py`.
ALONE = ("cancel-queued", "cancel-unknown")

# Recorded over ec2messages.
MESSAGES = {
    "mds-command-one-step": [(SUCCESS, [("runShellScript", "Success", 0)])],
    "mds-command-two-steps": [(FAILED, [("first", "Success", 0), ("second", "Failed", 3)])],
    "mds-command-step-timeout": [(TIMED_OUT, [("slow", "ExecutionTimedOut", 137)])],
    "mds-acknowledge-fails": [X_DONE],
    "mds-cancel": [(CANCELLED, [("runShellScript", "Cancelled", 137)])],
    "mds-duplicate": [X_DONE],
    "mds-send-reply-fails": [(SUCCESS, [("runShellScript", "Success", 0)])],
    "mds-several-messages-in-one-answer": [X_DONE] * 3,
}

# Associations, told by our refresh where the recording's server scheduled by its listing (D53): (Status, ErrorCode as
# shown) of each run, in order of their ends. A file whose server answered with errors on purpose is played as if a
# proxy had answered instead: what it refused never reaches ours.
DONE, ERROR = ("Success", ""), ("Failed", "ExecutionE")
RUNS = {
    "agent-kill-during-association": [ERROR],
    "agent-stop-during-association": [DONE],
    "association-cron-every-two-minutes": [DONE, DONE],
    "association-document-missing": [("Failed", "ListAssocE")],
    "association-document-unusable-next-list": [DONE],
    "association-document-version-default": [DONE],
    "association-failing-step": [ERROR],
    "association-in-progress-unblocked": [DONE, DONE],
    "association-list-without-associationversion": [DONE],
    "association-list-without-checksum": [DONE],
    "association-list-without-parameters": [DONE],
    "association-list-without-status": [DONE],
    "association-long-error": [ERROR],
    "association-missed-times-run-once": [DONE],
    "association-multi-step": [DONE],
    "association-new-cron-runs-at-once": [DONE],
    "association-onfailure-exit": [ERROR],
    "association-output-to-s3": [DONE],
    "association-output-to-s3-denied": [DONE],
    "association-parameter-missing": [DONE],
    "association-parameter-unknown": [DONE],
    "association-parameters": [ERROR],
    "association-parameters-changed-same-checksum": [DONE],
    "association-rate-one-minute": [DONE] * 5,
    "association-removed-while-running": [DONE],
    "association-run-once-statuses": [DONE],
    "association-rundocument": [DONE],
    "association-schema-1.2": [DONE],
    "association-schedule-at": [("Failed", "InvalidExp")],
    "association-schedule-invalid": [("Failed", "InvalidExp")],
    "association-skipped": [DONE],
    "association-ssm-parameter": [DONE],
    "association-step-timeout": [("TimedOut", "")],
    "association-stuck-in-progress": [("Failed", "StuckAtInP")],
    "association-updated-runs": [DONE],
    "association-updated-while-running": [DONE],
    "association-updated-while-running-listed-pending-after": [DONE],
    "boot-sequence": [DONE],
    "cancel-association": [DONE],
    "errors-get-document-500": [("Failed", "ListAssocE")],
    "errors-get-document-access-denied": [("Failed", "ListAssocE")],
    "errors-get-document-throttled-once": [DONE],
    "errors-list-200-not-json": [DONE],
    "errors-list-empty-once": [DONE],
    "errors-put-compliance-items-500": [DONE],
    "errors-report-200-not-json": [DONE],
    "errors-report-429": [DONE],
    "errors-report-500": [DONE],
    "errors-report-503-html": [DONE],
    "errors-report-access-denied": [DONE],
    "errors-report-answer-lost": [DONE],
    "errors-report-bad-signature": [DONE],
    "errors-report-connection-dropped": [DONE],
    "errors-report-expired-token": [DONE],
    "errors-report-expired-token-stays": [DONE],
    "errors-report-hangs": [DONE],
    "errors-report-throttled-twice": [DONE],
    # No report ever came through: the run stays open until its time is over (D2).
    "errors-report-unknown-operation": [("Pending", "")],
    "inventory-error-500": [ERROR],
    "inventory-error-other": [ERROR],
    "inventory-first": [DONE],
    "inventory-mismatch": [DONE],
    "inventory-unchanged": [DONE],
    "mds-refresh-association": [DONE],
    "ondemand-refresh-again-while-running": [DONE],
    "ondemand-refresh-all": [DONE, DONE],
    "ondemand-refresh-listed-pending": [DONE],
    "ondemand-refresh-one": [DONE],
    "ondemand-refresh-other-while-running": [DONE, DONE],
    "ondemand-refresh-two-ids": [DONE, DONE],
    "ondemand-refresh-unscheduled-failed": [DONE],
    "ondemand-refresh-unscheduled-never-run": [DONE],
    "ondemand-refresh-unscheduled-success": [DONE],
    "ondemand-two-refreshes-at-once": [DONE],
    "ondemand-waiting-run-and-poll": [DONE, DONE],
    "ondemand-while-running": [DONE, DONE],
    "ondemand-while-running-listed-pending": [DONE],
    "reboot-association": [DONE],
    "server-outage-8-minutes": [DONE] * 6,
    "server-restart-30-seconds": [DONE, DONE],
}

# Of these, the ones whose server refused or lost something: the ends when a proxy does so after the server has dealt
# with it. With the proxy instead of the server they end as above.
SPOILED_RUNS = {
    name: RUNS[name]
    for name in (
        "errors-put-compliance-items-500",
        "errors-report-429",
        "errors-report-500",
        "errors-report-503-html",
        "errors-report-access-denied",
        "errors-report-answer-lost",
        "errors-report-bad-signature",
        "errors-report-connection-dropped",
        "errors-report-expired-token",
        "errors-report-expired-token-stays",
        "errors-report-hangs",
        "errors-report-throttled-twice",
        "inventory-error-500",
        "inventory-error-other",
        "inventory-mismatch",
    )
} | {"errors-report-unknown-operation": [DONE]}

# Single reports on a run: (Status, ErrorCode) as shown after it.
REPORTS = {
    "report-1-pending": ("Pending", ""),
    "report-2-in-progress": ("InProgress", ""),
    "report-3-step": ("InProgress", ""),
    "report-4-success": DONE,
    "report-failed-with-output": ERROR,
    "report-invalid-assoc": ("Failed", "InvalidAss"),
    "report-invalid-expression": ("Failed", "InvalidExp"),
    "report-list-assoc-error": ("Failed", "ListAssocE"),
    "report-skipped-is-success": DONE,
    "report-stuck-in-progress": ("Failed", "StuckAtInP"),
    "report-timed-out": ("TimedOut", ""),
}

# Single calls and frames → the test that says them again.
START, ROTATION, CODEC = "test_replayed_start.py", "test_replayed_key_rotation.py", "test_agent_message.py (wire)"
CALLS = {
    **dict.fromkeys(
        (
            "register-again",
            "register-expired",
            "register-limit",
            "register-ok",
            "register-unknown-id",
            "register-wrong-code",
            "role-token",
            "ping-full",
            "ping-periodic-mgs",
            "ping-startup",
            "list-associations-empty",
            "put-compliance-items",
            "mgs-create-channel",
            "mgs-websocket-open",
        ),
        START,
    ),
    **dict.fromkeys(
        (
            "role-token-with-key-rotation",
            "role-token-after-key-rotation",
            "update-public-key",
            "key-rotation-answer-lost",
        ),
        ROTATION,
    ),
    **dict.fromkeys(
        (
            "mgs-agent-job",
            "mgs-agent-job-ack",
            "mgs-agent-job-ack-duplicate",
            "mgs-agent-job-cancel",
            "mgs-agent-job-reply-accepted",
            "mgs-agent-job-reply-ack",
            "mgs-agent-job-reply-final",
            "mgs-agent-job-reply-step",
        ),
        CODEC,
    ),
    **dict.fromkeys(("vector-rsa-pss-signature", "vector-sigv4"), "test_signing.py (access)"),
    **dict.fromkeys(
        (
            "ping-periodic-mds",
            "put-compliance-items-non-compliant",
            "put-inventory",
            "get-document-missing",
            "legacy-list-associations",
            "legacy-describe-association",
            "legacy-update-association-status",
            "mds-acknowledge-message",
            "mds-fail-message",
            "mds-send-reply-1-accepted",
            "mds-send-reply-2-step",
            "mds-send-reply-3-final",
            "mds-get-messages-empty",
            "mds-get-messages-cancel-command",
            "mds-get-messages-refresh-association",
            "get-document-schema-1.2",
            "errors-role-token-access-denied",
            "errors-role-token-fingerprint",
            "deregistered-node",
            "get-parameters",
        ),
        "test_replayed_calls.py",
    ),
    **dict.fromkeys(
        ("get-document", "list-associations", "mds-get-messages-send-command"), "refresh_replay.py, polling_player.py"
    ),
}

# What our server never sends: the agent's words on it are taken, and nothing comes of them.
NEVER_SENT = {
    "odd-content-not-json": "the content of a job is JSON",
    "odd-document-as-text": "DocumentContent is an object",
    "odd-job-id-and-command-id-differ": "both are made of one id",
    "odd-job-of-another-node": "a job goes over its own node's channel",
    "odd-large-job": "a document has at most 64 KB",
    "odd-missing-optional-fields": "all eight members are sent",
    "odd-unknown-topic": "there are two topics",
    "mds-bad-cancel": "a cancel is JSON",
    "mds-command-bad-schema": "a document of schema 9.9 is refused at CreateDocument",
    "mds-fail-message-bad-payload": "a payload is JSON",
    "mds-fail-message-bad-topic": "there are two topics",
    "mds-message-without-fields": "every message has its six members",
    "command-duplicate-step-names": "CreateDocument refuses two steps of one name",
    "command-finallystep-not-last": "CreateDocument refuses a finallyStep that is not last",
    "command-precondition-unknown-operator": "CreateDocument refuses operators but StringEquals",
    "parameters-allowed-pattern": "SendCommand checks allowedPattern",
    "parameters-allowed-values": "SendCommand checks allowedValues",
    "parameters-as-lists": "values are sent in their declared types",
    "parameters-defaults": "CreateDocument refuses unknown parameters in the text",
    "parameters-given": "CreateDocument refuses unknown parameters in the text",
    "parameters-missing": "SendCommand asks for every value without default",
    "parameters-null": "Parameters is an object",
    "parameters-ssm": "the server resolves references (D40)",
    "parameters-ssm-denied": "the server resolves references (D40)",
    "parameters-ssm-in-default": "the server resolves references (D40)",
    "parameters-ssm-invalid": "the server resolves references (D40)",
    "parameters-ssm-secure": "the server resolves references (D40)",
    "parameters-ssm-version": "the server resolves references (D40)",
    "parameters-unknown-given": "SendCommand refuses parameters that the document does not declare",
    "parameters-wrong-type": "values are sent in their declared types",
    "command-output-to-s3": "jobs carry an empty bucket (D39)",
    "command-output-to-s3-denied": "jobs carry an empty bucket (D39)",
    "s3-endpoint-without-scheme-upload": "jobs carry an empty bucket (D39)",
    "plugin-cloudwatch-output-unreachable": "jobs never ask for CloudWatch output",
    "mds-command-output-to-s3": "messages carry an empty bucket (D39)",
}

# Of these, what the API refuses when a caller asks for it: by which operation, and how.
NO_DOCUMENT, NO_COMMAND = ("CreateDocument", "InvalidDocumentContent"), ("SendCommand", "InvalidParameters")
REFUSED_CONTENT = {
    "command-duplicate-step-names": NO_DOCUMENT,
    "command-finallystep-not-last": NO_DOCUMENT,
    "command-precondition-unknown-operator": NO_DOCUMENT,
    "parameters-as-lists": NO_DOCUMENT,  # its text names a parameter that it does not declare
    "parameters-defaults": NO_DOCUMENT,
    "parameters-given": NO_DOCUMENT,
    "mds-command-bad-schema": ("CreateDocument", "InvalidDocumentSchemaVersion"),
    "parameters-allowed-pattern": NO_COMMAND,
    "parameters-allowed-values": NO_COMMAND,
    "parameters-missing": NO_COMMAND,
    "parameters-unknown-given": NO_COMMAND,
    # These name parameters that are not in the store.
    "parameters-ssm-invalid": NO_COMMAND,
    "parameters-ssm-secure": NO_COMMAND,
    "parameters-ssm-version": NO_COMMAND,
    "plugin-cloudwatch-output-unreachable": ("SendCommand", "ValidationException"),
}

# Not to be played: nothing in them is said to this server, or it has no consequence here.
LISTINGS = "the listing that it is about is none of ours: one property test says so (D53)"
OTHER_SERVER = "what the agent says to S3; nodes upload nothing here (D39)"
NOT_OURS = {
    **dict.fromkeys(
        (
            "association-document-unusable",
            "association-document-yaml",
            "association-in-progress-blocks",
            "association-list-without-associationid",
            "association-list-without-detailedstatus",
            "association-list-without-documentversion",
            "association-list-without-instanceid",
            "association-list-without-name",
            "association-unscheduled-listed-skipped",
            "association-updated-not-due",
            "list-associations-after-run",
            "ondemand-refresh-unknown-id",
        ),
        LISTINGS,
    ),
    **dict.fromkeys(("s3-get-bucket-encryption", "s3-head-bucket", "s3-put-object"), OTHER_SERVER),
    "odd-payload-not-json": "its answers name no job: the codec's tests have such frames",
    "odd-job-id-without-dots": "its answers name no node: they are refused as those of another",
    "odd-text-frame": "the server sends no text frames",
    "odd-unknown-message-type": "the server sends two types; the agent answers nothing",
    "odd-server-ping": "the server need not ping",
    "mgs-create-channel-200": "the server answers 201",
    "mgs-create-channel-denied": "the server never asks a node to leave its channel",
    "mgs-create-channel-without-token": "the answer always has its token",
    "errors-role-token-without-updatekeypair": "the answer always has its five members",
}

# An idle node, and a node whose server or agent goes away, in the order of time: `test_conversations_over_time.py`.
GONE = Outcome(connection="notconnected")
OVER_TIME = {
    "steady-state": GONE,  # it closes at the end
    "agent-stop": GONE._replace(ping="ConnectionLost"),
    "server-close-frame": BY_CHANNEL,
    "server-restart-1-second": BY_CHANNEL,
    "agent-start-again": Outcome(),
    # How many are listed: the recording's server made pages of two, ours makes them of the twenty that are asked for.
    "association-list-pages": 21,
    # The recording ends while the last two run.
    "mds-queue-full": [*[X_DONE] * 10, *[(IN_PROGRESS, [])] * 2],
}
PARTS = {
    "commands, in every order, over both channels": ENDS,
    "commands that the node refuses": REFUSED,
    "commands whose course is in time": COURSES,
    "several commands at once": CROWDS,
    "commands in tests of their own": ALONE,
    "commands over ec2messages": MESSAGES,
    "associations by our refresh, and past a proxy's errors": RUNS,
    "single reports": REPORTS,
    "single calls and frames": CALLS,
    "reactions to what is never sent": NEVER_SENT,
    "nothing to play": NOT_OURS,
    "conversations through a fault proxy": PROXIED,
    "conversations over time": OVER_TIME,
}

if __name__ == "__main__":
    for part, names in PARTS.items():
        print(f"{len(names):4}  {part}")
    print(f"{sum(map(len, PARTS.values())):4}  in all")
