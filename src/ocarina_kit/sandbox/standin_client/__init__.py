"""A stand-in for the Majora client, written from FACTS.md: installed as the module ``ocarina`` by :mod:`..standin`.

It behaves as the real ones do, faults included (in-place writes, no lock, no time limit, an expired token is never
refreshed), so that the kit can be tried without them. The standard library is all it needs.
"""
