"""What the commands say of a model: their numbers, as JSON documents, as text and as pages."""
