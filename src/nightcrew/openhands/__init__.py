"""The OpenHands SDK at work: `adapter` on the trusted side, `inside` in the sandbox, `runtime` around it.

Only `inside` imports the SDK. It is not installed in the environment of the trusted process.
"""
