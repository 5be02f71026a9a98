"""Adapters to training libraries: one module per library, imported by its own name.

Each module imports its library, so none is imported here: take
`leafcode.integrations.sentence_transformers` or `leafcode.integrations.metric_learning`.
"""
