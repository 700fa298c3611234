"""The web pages for people, server-rendered; every change goes through `api.perform`."""
