"""Majora: its endpoints, the grant, and what a person pastes."""
