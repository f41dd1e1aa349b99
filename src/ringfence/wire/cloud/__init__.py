"""Cloud networks, machines, roles and buckets: Terraform state and describe answers."""
