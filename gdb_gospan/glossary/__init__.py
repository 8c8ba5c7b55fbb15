"""What every term means, as data: one module for each subject."""
