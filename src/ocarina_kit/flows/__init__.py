"""What a command does, from end to end: edges, tied together by pure decisions. Nothing here prints."""
