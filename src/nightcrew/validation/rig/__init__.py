"""What runs inside the sandbox, under the target's own Python: stdlib, pytest and coverage only.

Nothing it reports decides alone: it shares a process with untrusted tests. The gates compare what it says
about trees and code that the tests cannot tell apart.
"""
