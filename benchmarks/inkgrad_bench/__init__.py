"""Times inkgrad's kernels against torch's own: ``inkgrad bench``."""
