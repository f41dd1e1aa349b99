"""File systems and buckets: exports, mount tables, folder listings, Lustre nodemaps, bucket policies."""
