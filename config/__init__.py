"""The fleet file: read once, checked once, frozen; and the example fleets.

``spec`` holds the frozen result and imports no parser, so that an actor can hold it without pydantic.
"""
