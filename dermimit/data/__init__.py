"""Photographs and labels: manifests, splits, transforms, and one module for each dataset."""
