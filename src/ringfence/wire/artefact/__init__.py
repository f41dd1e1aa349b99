"""What lies in model folders: tensor files, checkpoints, pickles, bills of material. Nothing is ever loaded."""
