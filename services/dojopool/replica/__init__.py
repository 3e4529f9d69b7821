"""The replica: owns partitions of a region, folds their streams and keeps the folded state in the region's store."""
