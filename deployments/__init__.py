"""Deployment set-up that `prefect.yaml` cannot express."""
