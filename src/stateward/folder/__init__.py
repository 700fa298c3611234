"""As code: a folder of YAML files that says what documents, calendars and associations a server is to have (D57)."""
