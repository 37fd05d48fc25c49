"""Files: private, whole or not at all, under locks, with backups; the log and the pending logins."""
