"""How stubbornly: the only flows in the house."""
