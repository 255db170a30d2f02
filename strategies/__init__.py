"""What to want, given what is seen: pure functions of a view. No clock, no network, no disk, no state.

What does not belong here: whether a wish is allowed (``risk``) and how it becomes an order (``actors``).
"""
