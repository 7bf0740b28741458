"""Our code that runs in the sandbox with the SDK; it needs only the standard library and the agent's runtime.

Only this folder is mounted, without modules of the trusted side. Both sides use `protocol`.
"""
