"""Language models: any endpoint that speaks the chat-completions API of OpenAI. What to ask and what to make of the
answer is not known here."""
