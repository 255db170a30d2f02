"""A model server that answers like the chat-completions API, with faults on demand and a trader by rule inside.

For tests, demonstrations and benchmarks: nothing in it is a language model.
"""
