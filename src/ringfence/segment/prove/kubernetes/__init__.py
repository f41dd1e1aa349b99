"""What the policies of a Kubernetes cluster really leave open between the pods of a fence."""
