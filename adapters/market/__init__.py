"""Public market data: synthetic and recorded sources, bars, indicators, and the player. No account, no order."""
