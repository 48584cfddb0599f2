"""The Wav2Lip generator (Prajwal et al., 2020), for checkpoints that the user brings."""
