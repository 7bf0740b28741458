"""The faults, by what they strike: processes, people's acts, the provider, storage, the clock."""
