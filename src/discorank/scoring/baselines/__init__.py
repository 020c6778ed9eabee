"""Rival scores, one per file, each from its paper."""
