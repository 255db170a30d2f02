"""A real fleet under random deaths and freezes of all its processes, judged by its exchange's own history."""
