"""The checker: folds the streams of a region, judges every match that changed, and publishes violations."""
