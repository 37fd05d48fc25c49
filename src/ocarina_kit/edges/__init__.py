"""The effects, one small module each. Only this package touches files, processes, the network and the clock."""
