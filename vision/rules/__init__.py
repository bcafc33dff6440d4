"""What must be told: small machines that read tracks and say findings. One file a rule; no picture, no I/O."""
