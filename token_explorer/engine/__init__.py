"""Where models live: finding, loading and running them. torch and transformers are used nowhere else."""
