"""Where flows run: what `prefect.yaml` cannot say."""
