"""The specification: site.yaml and instruments.d as frozen models, read strictly."""
