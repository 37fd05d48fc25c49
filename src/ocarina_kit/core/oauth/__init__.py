"""The grant and the server: links, pastes, answers, and what they mean to a person. Pure."""
