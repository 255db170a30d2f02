"""The one durable place of the control actors: tables, their migrations, and the store on SQL.

What a wallet must know before it sends an order is in its own journal, not here.
"""
