"""The user's crontab, the cron daemon, and a line run as cron runs it."""
