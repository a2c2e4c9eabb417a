"""Traces: one run of a model recorded in a folder, its plots, and its replay."""
