"""What language models are asked and what their answers mean; pure. Who asks them is ``actors.language_model``.

Never imported by a bot: it needs libraries that a bot does without.
"""
