"""Which run read and wrote what: OpenLineage, MLflow, observed file opens."""
