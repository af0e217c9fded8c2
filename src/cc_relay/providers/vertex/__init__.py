"""Claude on Google Cloud's Vertex AI."""
