"""A wire that fails on purpose, between whoever calls and the venue that answers.

What belongs here: deciding what goes wrong (``plan``, pure), keeping count of what did (``nemesis``), and the proxies
that do it to HTTP, websockets and our own link. What does not: any knowledge of one venue's messages.
"""
