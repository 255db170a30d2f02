"""The one place that knows Ray: how a local Ray is started and ended, and how plain classes become actors."""
