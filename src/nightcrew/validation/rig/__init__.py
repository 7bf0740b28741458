"""The code that runs inside the sandbox, under the target's own Python: stdlib, pytest and coverage only.

No report of it decides alone, because it shares a process with untrusted tests. The gates compare its reports
about trees and code that the tests cannot distinguish.
"""
