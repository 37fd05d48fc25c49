"""Majora: the one way to the network, its OAuth and API endpoints, the grant, and what a person pastes or is told."""
