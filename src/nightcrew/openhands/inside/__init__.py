"""What of ours runs inside the sandbox, beside the SDK: the standard library and the agent's runtime suffice.

This folder is mounted, without the modules of the trusted side. `protocol` is read on both.
"""
