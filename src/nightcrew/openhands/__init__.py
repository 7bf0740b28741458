"""The OpenHands SDK at work: `adapter` on the trusted side, `client` inside the sandbox.

Nothing here but `client`, `session`, `events` and `quiet` imports the SDK, and those run in the sandbox only:
the process that holds keys and judges work never loads `openhands` or `litellm`.
"""
