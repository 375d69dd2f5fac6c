"""Warnings about valid configs: contradictions and cautions."""
