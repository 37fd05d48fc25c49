"""The crontab: its bytes, the refresh line, and when it runs."""
