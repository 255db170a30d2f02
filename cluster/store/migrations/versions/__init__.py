"""One module a revision, in plain SQL types: it must not change when the tables of today do."""
