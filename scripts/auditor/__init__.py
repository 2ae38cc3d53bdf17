"""The auditor: holds a journal against the chain, from outside. It imports nothing of the keeper."""
