"""Running it: where a fleet's state lives, the Ray runtime, the store, the command line and the deployment.

The top layer: it may import every other folder, and none may import it. Ray is known to ``ray_runtime`` only.
What trades, guards or decides does not belong here.
"""
