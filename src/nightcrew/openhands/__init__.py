"""The OpenHands SDK at work: `adapter` on the trusted side, `inside` in the sandbox, `runtime` around it.

Only `inside` imports the SDK. It is not installed where the process runs that holds keys and judges work.
"""
