"""Training a model of the course: steps, runs, checkpoints and where runs are kept."""
