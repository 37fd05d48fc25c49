"""What touches the machine: files, locks, processes, the terminal; and the errors and secrets that all packages use."""
